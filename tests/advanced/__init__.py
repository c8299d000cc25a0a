"""Our `AdvancedSQLiteSession` beside the OpenAI Agents SDK's."""

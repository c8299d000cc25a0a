"""The OpenAI Agents SDK's classes and methods, under the names that its users know."""

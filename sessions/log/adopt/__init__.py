"""Taking over conversations that the OpenAI Agents SDK wrote into the same database."""

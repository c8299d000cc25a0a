"""What users of the OpenAI Agents SDK know, by its names."""

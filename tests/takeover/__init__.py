"""Databases that the OpenAI Agents SDK wrote, opened with this package: they just go on."""

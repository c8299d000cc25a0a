"""The OpenAI Agents SDK's own runner on our sessions, with a scripted model in place of a real one."""

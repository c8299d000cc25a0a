"""Code of lessons about the OpenAI Agents SDK's sessions, run with ours: only imports, URLs and paths are changed."""

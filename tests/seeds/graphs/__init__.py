"""Code of lessons about LangGraph's persistence, run with ours: only imports, URLs and paths are changed."""

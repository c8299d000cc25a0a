"""LangGraph's savers over this store."""

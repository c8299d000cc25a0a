"""Embedding models: functions from texts to vectors, for the search of memories by meaning. Knows no database."""

from sessions.embedding.embedder import Embed, Embedder

__all__ = ["Embed", "Embedder"]

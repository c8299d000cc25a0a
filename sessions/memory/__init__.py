"""Memories: JSON objects under namespaces and keys, with search. Operations are functions over a transaction."""

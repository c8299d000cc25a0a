"""Search of memories by meaning and by words: exact, and the same on every database.

numpy is imported here and in `embedding/`, only for searching and embedding.
"""

"""The SQL of memories, one file a subject."""

"""The SQL of checkpoints, one file a subject."""

"""Threads of checkpoints."""

"""Counterparts of the classes in `sessions/memories/`."""

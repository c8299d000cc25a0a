"""Counterparts of the classes in `sessions/store/`."""

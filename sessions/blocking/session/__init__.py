"""Counterparts of the classes in `sessions/session/`."""

"""Counterparts of the classes in `sessions/compat/`."""

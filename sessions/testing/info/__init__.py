"""The contract for owners, info and lists of sessions, a part in each module."""

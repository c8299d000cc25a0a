"""Sealing an entry's payload: what it is bound to, and how it is opened."""

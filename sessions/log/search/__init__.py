"""Searching conversations: the words of entries, made when somebody searches, and the entries that have some."""

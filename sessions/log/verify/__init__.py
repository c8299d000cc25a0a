"""Verifying conversations: the checks of the log's tables."""

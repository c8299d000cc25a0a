"""`sessions.blocking`: the same names without an event loop."""

"""Keys: the caller's, those of each session, and how one wraps the other."""

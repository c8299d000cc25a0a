"""How entries and sessions end: clearing, expiry, erasure, new keys."""

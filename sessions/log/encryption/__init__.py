"""Encryption of entries' payloads: what they are bound to, how they are opened, and what may be in the clear."""

"""Encryption of entries' payloads: binding them to their rows, decrypting them, and allowing plain text."""

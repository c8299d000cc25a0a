"""Keys, and encryption with them: whatever a subject is, and whatever its payloads are bound to."""

"""What model calls took: `session.usage`."""

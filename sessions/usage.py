"""What a session cost: `session.usage`."""

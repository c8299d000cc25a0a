"""The usage of model calls: `session.usage`."""

"""Keys, and encryption with them, for any kind of subject and any associated data."""

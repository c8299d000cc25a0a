"""What sessions are called, whose they are, and how they are found."""

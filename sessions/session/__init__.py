"""What users hold: a session, its history, usage, windows, turns."""

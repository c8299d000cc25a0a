"""Sessions, as users hold them: history, usage, windows, turns."""

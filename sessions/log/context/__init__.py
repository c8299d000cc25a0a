"""The model's view of a branch: summaries, handovers, windows, repair."""

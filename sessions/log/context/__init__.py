"""What models are shown of a branch: summaries, handovers, windows, repair."""

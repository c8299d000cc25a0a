"""What every operation of the log is made of: heads, lineages, locks, entries, turns."""

"""The parts of every operation of the log: heads, lineages, locks, entries, turns."""

"""Exporting sessions as lines of JSON, and importing them: the lines, and the operations over a transaction."""

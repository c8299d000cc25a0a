"""The command line: each command, and what it says when something is wrong."""

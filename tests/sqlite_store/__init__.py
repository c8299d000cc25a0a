"""The SQLite store inside one process: lanes, groups, shared connections, closing, and what users hand in."""

"""The parts that all commands share: the database's options, keys, rows, failures."""

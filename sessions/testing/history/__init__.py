"""The contract for branches, undo, siblings and turns, a part in each module."""

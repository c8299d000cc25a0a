"""Branches, undo and redo, siblings, the tree."""

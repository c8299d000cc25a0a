"""The machine that compares histories with `tree_model.py`, a kind of rules in each module."""

"""The contract for items with keys of their own, a part in each module."""

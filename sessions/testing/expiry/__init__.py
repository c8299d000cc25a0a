"""The contract for expiry, purging and erasing, a part in each module."""

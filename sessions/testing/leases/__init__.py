"""The contract for leases, a part in each module."""

"""The contract for interruptions, a part in each module."""

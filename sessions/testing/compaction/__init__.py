"""The contract for compaction, a part in each module."""

"""The contract for sealed sessions."""

"""The contract for encrypted sessions."""

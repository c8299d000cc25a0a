"""The contract for attempts and `rewind`, a part in each module."""

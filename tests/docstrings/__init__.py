"""The docstrings of the public interface."""

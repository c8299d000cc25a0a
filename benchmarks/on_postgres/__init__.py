"""What `python -m benchmarks.postgres` measures."""

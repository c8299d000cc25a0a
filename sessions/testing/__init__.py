"""The contracts, as tests to run on your own store."""

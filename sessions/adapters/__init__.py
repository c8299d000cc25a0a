"""Agent frameworks: one module each, the only ones that import them."""

"""Typical mistakes: docs/mistakes.md has each with its message, and these tests make them."""

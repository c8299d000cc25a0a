"""Codecs turn an item into the bytes that are stored, and back."""

"""Corrections: redacting and removing entries for good, with every copy and whatever was made of them."""

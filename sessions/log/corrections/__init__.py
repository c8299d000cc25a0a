"""Corrections: redacting and removing entries for good, with every copy and all that is derived from them."""

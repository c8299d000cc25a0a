"""The items that the parts of the contract for info share."""

from __future__ import annotations


def user(text: str) -> dict[str, str]:
    """Return a message of a user."""
    return {"role": "user", "content": text}

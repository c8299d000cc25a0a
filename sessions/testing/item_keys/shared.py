"""Items and keys that the parts of the contract for item keys share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.types import ItemDict


def user(text: object) -> ItemDict:
    """Return a message of a user."""
    return {"role": "user", "content": str(text)}


async def add(session: LogSession, *keys: str, **options: Any) -> None:
    """Add an item for each key, with the key as its text."""
    await session.add_items([user(key) for key in keys], keys=list(keys), **options)


async def shown(session: LogSession) -> str:
    """Return the keys of all entries, after comparing them with their items."""
    entries = await session.entries()
    assert all(entry.item == user(entry.key) for entry in entries if entry.key is not None)
    return " ".join(entry.key or "-" for entry in entries)

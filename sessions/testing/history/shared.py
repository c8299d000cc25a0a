"""Items that the parts of the contract for histories share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from sessions.session.base import LogSession


def said(items: list[Any]) -> str:
    """Return what items say."""
    return " ".join(found["content"] for found in items)


async def fill(session: LogSession, *texts: str) -> None:
    """Add items: one for each word, and those of a text together."""
    for text in texts:
        await session.add_items([item(word) for word in text.split()])

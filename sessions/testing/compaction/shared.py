"""Items and turns that the parts of the contract for compaction share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.testing.compaction_model import said, texts

if TYPE_CHECKING:
    from sessions.session.base import LogSession


CALL = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "."}


async def fill(session: LogSession, *turns: str) -> None:
    """Add turns, each a text of words: an item for each."""
    for turn in turns:
        await session.add_items([said(text) for text in turn.split()])


async def shown(session: LogSession, limit: int | None = None) -> str:
    """Return the texts of the items that a model is given."""
    return texts(await session.get_items(limit))

"""Items and changes that the parts of the contract for leases share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions.errors import (
    LeaseLostError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessions.session.base import LogSession

    Remove = Callable[..., object]

TTL = 60.0
INTERRUPTED = "The call was interrupted; no output was recorded."
CALL = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "."}


def user(text: object) -> dict[str, str]:
    """Return a message of a user."""
    return {"role": "user", "content": str(text)}


async def texts(session: LogSession) -> str:
    """Return the texts of all items in one line."""
    return " ".join(item.get("content", "call") for item in await session.get_items())


async def summarise(items: list[Any]) -> str:
    """Summarise items for a compaction."""
    return f"{len(items)} items"


def changes_of(session: LogSession) -> list[Callable[[], Awaitable[Any]]]:
    """Return all ways to change a session's branch, which holds three turns and has undone one."""
    return [
        lambda: session.add_items([user("late")]),
        lambda: session.add_items([user("late")], idempotency_key="late"),
        session.pop_item,
        session.undo,
        session.redo,
        lambda: session.repair(apply=True),
        lambda: session.compact(summarise, keep_turns=0),
        lambda: session.handover("billing"),
        session.clear_session,
    ]


READ_FIRST = (5, 6)
"""Which of them read first, and change what they find: repair and compaction."""


async def fill(session: LogSession) -> None:
    """Put three turns into a session, and undo a fourth."""
    # A summary ends before a call that may still be answered, so something stands before that.
    await session.add_items([user(0), {"role": "assistant", "content": "0"}])
    await session.add_items([user(1), CALL])
    await session.add_items([user(2)])
    await session.add_items([user(3)])
    await session.undo()


async def remove_session(session: LogSession, remove: Remove) -> None:
    """Remove a session with all that is known of it, as its store does."""
    handle = session._handle  # noqa: SLF001 - the store is not known here
    await handle.write(lambda tx: remove(tx, session.session_id, handle.conversation.elsewhere))


async def all_are_refused(leased: LogSession, *, but_readers: bool = False) -> None:
    """Check that every change under a lease that was lost is refused, but those that find nothing to change."""
    for number, change in enumerate(changes_of(leased)):
        if number not in READ_FIRST or not but_readers:
            with pytest.raises(LeaseLostError):
                await change()

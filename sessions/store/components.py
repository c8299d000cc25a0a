"""The components of a store: all that its database may keep. Erasing an owner asks each of them for its part.

A component's tables are made when it is first used: the store holds its database for conversations alone, and for
others by `Backend.joined_by`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sessions.db.migrations import applied_components
from sessions.log.component import conversations
from sessions.validation import PURGE_BATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sessions.db import Backend
    from sessions.db.component import Component
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import ForeignTables


def components_of(foreign: ForeignTables) -> tuple[Component, ...]:
    """Return the components of a store.

    Args:
        foreign: The OpenAI Agents SDK's tables that conversations are taken over from.
    """
    # Few programs erase owners or verify.
    from sessions.checkpoints.component import THREADS  # noqa: PLC0415
    from sessions.memory.component import MEMORIES  # noqa: PLC0415

    return (conversations(foreign), MEMORIES, THREADS)


async def purge_others(
    backend: Backend, foreign: ForeignTables, progress: Callable[[Mapping[str, int]], object] | None = None
) -> dict[str, int]:
    """Remove all that has expired of components other than conversations, in short transactions. No key is needed.

    Args:
        backend: The database.
        foreign: As above.
        progress: Called after each transaction with the result so far.

    Returns:
        How much was removed, by component: memories, or threads.
    """
    _, *others = await components_there(backend, foreign)
    removed = {one.schema.component: 0 for one in others}
    if not others:
        return removed
    joined = backend.joined_by(others)
    try:
        for one in others:
            more = one.purge is not None
            while more:
                some, more = await joined.write(partial(_purge, one), "the store")
                removed[one.schema.component] += some
                if progress is not None:
                    progress(removed)
    finally:
        await joined.aclose()
    return removed


def _purge(component: Component, tx: Transaction) -> tuple[int, bool]:
    return (0, False) if component.purge is None else component.purge(tx, PURGE_BATCH)


async def components_there(backend: Backend, foreign: ForeignTables) -> tuple[Component, ...]:
    """Return the components of a store whose tables are in its database; conversations always."""
    first, *others = components_of(foreign)
    applied = await backend.read(applied_components, "the store") if others else set()
    return (first, *(one for one in others if one.schema.component in applied))


async def has_memories(backend: Backend) -> bool:
    """Return whether a database has the tables of memories."""
    from sessions.memory.component import MEMORIES  # noqa: PLC0415 - many programs have none

    return MEMORIES.schema.component in await backend.read(applied_components, "the store")

"""Verifying a store: the rows of each component whose tables are in its database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.db.verification import NOT_ABOUT_ROWS
from sessions.db.verify import verify
from sessions.errors import StoreError
from sessions.log.component import conversations
from sessions.store.components import components_there

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from sessions.db import Backend
    from sessions.db.component import Component
    from sessions.db.verification import Step
    from sessions.log.conversation import ForeignTables


async def steps_of_store(backend: Backend, foreign: ForeignTables, reading: object, after: str) -> AsyncGenerator[Step]:
    """Yield the findings in all components' tables, page by page; see `db/verify.py`."""
    first: Component
    try:
        first, *others = await components_there(backend, foreign)
    except NOT_ABOUT_ROWS:
        raise
    except StoreError:
        # The migrations cannot be read: that will be found.
        first, others = conversations(foreign), []
    whole = backend.joined_by(others) if others else backend
    try:
        async for step in verify(whole, [first, *others], reading, "the store", after=after):
            yield step
    finally:
        if others:
            await whole.aclose()

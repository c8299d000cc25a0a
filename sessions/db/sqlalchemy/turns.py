"""Turns of a process's changes at one row: those that wait for its lock hold few connections of the pool."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Hashable

_AT_ONCE: Final = 2
"""Changes of one row under way: while one is done, the next waits in the database. Most pools have five connections."""


class Turns:
    """Gives turns to the changes of rows, in the order in which they come."""

    def __init__(self) -> None:
        self._of_rows: WeakValueDictionary[Hashable, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def at(self, row: Hashable | None) -> AsyncIterator[None]:
        """Wait for a turn at a row, if it is known, and keep it for the block."""
        if row is None:
            yield
            return
        turns = self._of_rows.get(row)
        if turns is None:
            turns = self._of_rows[row] = asyncio.Semaphore(_AT_ONCE)
        async with turns:
            yield

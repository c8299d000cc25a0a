"""Turns of a process's changes at one row: those that wait for its lock hold few connections of the pool."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Hashable
    from contextlib import AbstractAsyncContextManager

    from sessions.db.sqlalchemy.outage import Outage

_AT_ONCE: Final = 2
"""Changes of one row under way: while one is done, the next waits in the database. Most pools have five connections."""


class Turns:
    """Gives turns to the changes of rows, in the order in which they come.

    Args:
        outage: Knows whether the database can be reached.
    """

    def __init__(self, outage: Outage) -> None:
        self._outage = outage
        self._of_rows: WeakValueDictionary[Hashable, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def at(self, row: Hashable | None, subject: str) -> AsyncIterator[None]:
        """Wait for a turn at a row, if it is known, and keep it for the block.

        Raises:
            StoreUnreachableError: As for `behind`.
        """
        if row is None:
            yield
            return
        turns = self._of_rows.get(row)
        if turns is None:
            turns = self._of_rows[row] = asyncio.Semaphore(_AT_ONCE)
        async with self.behind(turns, subject):
            yield

    @asynccontextmanager
    async def behind(self, others: AbstractAsyncContextManager[object], subject: str) -> AsyncIterator[None]:
        """Wait for others, and keep their lock for the block.

        Raises:
            StoreUnreachableError: The database could not be reached meanwhile.
        """
        since = time.monotonic()
        async with others:
            self._outage.check(since, subject)
            yield

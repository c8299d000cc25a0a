"""Waking watchers of a SQLite file: by its data version for other processes' changes, at once for this one's.

``pragma data_version`` (https://sqlite.org/pragma.html#pragma_data_version) differs from its last value on the same
connection if another connection has committed since. It reads a few bytes of shared memory, so one check for all
watchers of the file in an event loop costs less than a check of each at its topic.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from sessions.db.sqlite.opening import MEMORY
from sessions.db.transaction import Statement
from sessions.errors import SessionsError

if TYPE_CHECKING:
    from sessions.db.sqlite.backend import SQLiteBackend
    from sessions.db.sqlite.database import Database

_DATA_VERSION: Final = Statement("A number that changes when another connection commits.", "pragma data_version")

_QUICK: Final = 0.025
_SLOW: Final = 0.08
"""Seconds between two looks: while something happens, and otherwise."""

_QUICK_FOR: Final = 2.0
"""Seconds after a change for which the next one is likely."""


class FileWaker:
    """A `Waker` of a SQLite backend."""

    def __init__(self, backend: SQLiteBackend, subject: str) -> None:
        self.backend = backend
        self.subject = subject
        self.loop = asyncio.get_running_loop()
        self.event = asyncio.Event()
        self._look = _join(self)

    async def wait(self) -> None:
        """Return when something may have changed."""
        await self.event.wait()
        self.event.clear()

    def wake(self) -> None:
        """Have `wait` return."""
        with suppress(RuntimeError):  # The loop has been closed.
            self.loop.call_soon_threadsafe(self.event.set)

    async def aclose(self) -> None:
        """Leave the other watchers; the last one ends the checks."""
        self._look.leave(self)


class Look:
    """Checks one file, or listens to one database in memory, for all its watchers in an event loop."""

    def __init__(self, key: object) -> None:
        self._key = key
        self._loop = asyncio.get_running_loop()
        self.wakers: set[FileWaker] = set()
        self._database: Database | None = None
        self._task = self._loop.create_task(self._run())

    def leave(self, waker: FileWaker) -> None:
        """Wake someone no more."""
        self.wakers.discard(waker)
        if not self.wakers:
            self._end()
            self._task.cancel()

    def wrote(self) -> None:
        """Wake all: this process has written. Called on the writing thread."""
        with suppress(RuntimeError):  # The loop has been closed.
            self._loop.call_soon_threadsafe(self._wake_all)

    async def _run(self) -> None:
        seen: object = None
        quick_until = 0.0
        try:
            while True:
                waker = next(iter(self.wakers))
                mark: object = None
                try:
                    found = waker.backend.database(waker.subject)
                    if found is not self._database:
                        self._database = found
                        found.listeners.add(self)
                    if found.path != MEMORY:
                        # Read before: a new connection starts counting again.
                        closings = found.closings
                        mark = (id(found), closings, await waker.backend.read(_data_version, waker.subject))
                except SessionsError:
                    # Each watcher's own next read raises it.
                    mark = object()
                if mark != seen or mark is None:
                    seen = mark
                    quick_until = time.monotonic() + _QUICK_FOR
                    self._wake_all()
                if mark is None:
                    # Only this process writes to a database in memory.
                    await asyncio.Event().wait()
                await asyncio.sleep(_QUICK if time.monotonic() < quick_until else _SLOW)
        finally:
            self._end()

    def _end(self) -> None:
        looks = _looks.get(self._loop, {})
        if looks.get(self._key) is self:
            del looks[self._key]
        if self._database is not None:
            self._database.listeners.discard(self)

    def _wake_all(self) -> None:
        for waker in self.wakers:
            waker.event.set()


_looks: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[object, Look]] = weakref.WeakKeyDictionary()


def _join(waker: FileWaker) -> Look:
    looks = _looks.setdefault(waker.loop, {})
    key: object = waker.backend if waker.backend.path == MEMORY else waker.backend.path
    look = looks.get(key)
    if look is None:
        look = looks[key] = Look(key)
    look.wakers.add(waker)
    return look


def _data_version(tx: Any) -> int:
    (version,) = tx.one(_DATA_VERSION)
    return int(version)

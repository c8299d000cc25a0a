"""An aiosqlite connection that takes work from any thread and event loop.

aiosqlite gives a connection its thread and queue, and its coroutines tie each call to one event loop. Sessions are
used from many loops, and many writers share one wake-up; so work is put into the queue directly, and whoever puts it
there sees to its own results. SQLAlchemy's aiosqlite dialect relies on the same three attributes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiosqlite

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable


class ConnectionThread(aiosqlite.Connection):
    """A SQLite connection on a thread of its own.

    The thread is a daemon: a program that never closes its sessions still exits. What it acknowledged is on disk.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connect, iter_chunk_size=64)
        self._thread.daemon = True
        self._thread.start()

    def post(self, call: Callable[[], object]) -> None:
        """Have `call`, which must not raise, called on the thread, after what was posted before."""
        self._tx.put_nowait((None, call))

    def database(self) -> sqlite3.Connection:
        """Return the connection, opened by the first call. Only for calls on the thread."""
        if self._connection is None:
            self._connection = self._connector()
        return self._connection

    def finish(self) -> None:
        """Close the connection and end the thread after what was posted before; do not wait for it."""
        # stop() is called on the thread itself: on one with an event loop it would make a future for that loop.
        self.post(self.stop)

    def join(self, timeout: float | None = None) -> None:
        """Wait for the thread to end."""
        self._thread.join(timeout)

    def disown(self) -> None:
        """Keep the connection open until the process ends: it is the parent's, seen from a child after a fork.

        Even closing it would be using it: SQLite would take and drop locks and might remove the parent's WAL. So it
        gets one reference that nobody gives back.
        """
        if self._connection is not None:
            import ctypes  # noqa: PLC0415 - needed in such a child only

            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._connection))
            self._connection = None

"""Forks beside SQLite files that are open through SQLAlchemy: every one is closed before the process forks.

SQLite keeps a list, per process, of the locks that the process holds on files. A child inherits the list but not the
locks: it would read without a lock, or wait for ever for one without a holder. So the connections that were used here
close their files on their own threads before the fork. Running operations on them are rolled back, which the driver
reports as a closed database, and retried on a new connection (`db/sqlalchemy/errors.py`). Nothing has to wait for an
event loop, which may be the one that forks.

`db/sqlite/registry.py` does the same for the connections that are our own.
"""

from __future__ import annotations

import gc
import os
import sqlite3
import threading
import time
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from sessions.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

_FORK_TIMEOUT: Final = 15.0
"""Seconds that a fork waits for running statements. What is still open then cannot be opened in the child."""

_LOOK_AGAIN: Final = 0.01

_lock = threading.Lock()
_used: weakref.WeakKeyDictionary[Any, tuple[str, weakref.ref[Any]]] = weakref.WeakKeyDictionary()
"""aiosqlite's connections, with the paths of their files and with their pools."""

_open_at_fork: set[str] = set()
"""Files that could not be closed before this process was forked."""

_before: list[tuple[Any, str, Callable[[float], bool]]] = []

after_fork: list[Callable[[], None]] = []
"""What is to be done in a child, beside this."""


def use(connection: Any, path: str, pool: Any) -> None:
    """Note that a connection of aiosqlite is about to be used for the first time; wait if a fork is under way.

    Raises:
        StoreError: Its file was open when this process was forked.
    """
    if path in _open_at_fork:
        raise StoreError(
            f"{path} was in use when this process was forked, so this process cannot open it. Nothing was "
            'changed. Start processes before using sessions, or use multiprocessing\'s "spawn".'
        )
    with _lock:
        _used[connection] = path, weakref.ref(pool)


def stop(connection: Any) -> None:
    """Close a connection of aiosqlite, and end its thread; do nothing for other drivers'."""
    queue = getattr(connection, "_tx", None)
    if queue is not None and connection in _used and connection._thread.is_alive():  # noqa: SLF001 - see `ConnectionThread`
        _post_close(connection)
        with suppress(Exception):
            connection.stop()


def stop_all(pool: Any) -> None:
    """Close the connections of a pool, and end their threads."""
    for connection, (_, its_pool) in tuple(_used.items()):
        if its_pool() is pool:
            stop(connection)


def _post_close(connection: Any) -> Callable[[float], bool]:
    """Have a connection's thread close the file after its present work.

    Returns:
        A function of a deadline (`time.monotonic`) that waits for that, and tells whether it was so.
    """
    closed = threading.Event()

    def close() -> None:
        try:
            if (sqlite := connection._connection) is not None:  # noqa: SLF001 - see `ConnectionThread`
                # While a statement of it is not ended, SQLite would keep the file open, with its locks.
                for cursor in gc.get_referrers(sqlite):
                    if isinstance(cursor, sqlite3.Cursor):
                        cursor.close()
                sqlite.rollback()
                sqlite.close()
        finally:
            closed.set()

    def is_closed(deadline: float) -> bool:
        while not closed.wait(_LOOK_AGAIN):
            if not connection._thread.is_alive():  # noqa: SLF001 - as above
                return True
            if time.monotonic() > deadline:
                return False
        return True

    connection._tx.put_nowait((None, close))  # noqa: SLF001 - as above
    return is_closed


def _close_files() -> None:
    _lock.acquire()
    deadline = time.monotonic() + _FORK_TIMEOUT
    # All are told before the first is waited for: one may wait for the lock of another.
    _before[:] = [(connection, path, _post_close(connection)) for connection, (path, _) in _used.items()]
    _before[:] = [(connection, path, closed) for connection, path, closed in _before if not closed(deadline)]


def _after_in_parent() -> None:
    _before.clear()
    _lock.release()


def _after_in_child() -> None:
    _open_at_fork.update(path for _, path, _ in _before)
    # Not forgotten: their ends would speak to threads that are not there.
    _kept.extend(_used)
    _used.clear()
    for do in after_fork:
        do()
    _lock.release()


_kept: list[Any] = []

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_close_files, after_in_parent=_after_in_parent, after_in_child=_after_in_child)

"""Which databases are open in this process: one for each file, however many sessions use it.

A file is its path, device and inode: one that was deleted and made again under an open connection is another database.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from typing import Final

from sessions.errors import StoreError
from sessions.stores.sqlite.database import Database
from sessions.stores.sqlite.opening import MEMORY

_EXIT_TIMEOUT: Final = 2.0
"""Seconds that a program's end waits for connections to close. What was acknowledged is on disk already."""

_File = tuple[str, int, int]

_lock = threading.Lock()
_files: dict[_File, Database] = {}
_all: weakref.WeakSet[Database] = weakref.WeakSet()


def open_memory() -> Database:
    """Return a new database in memory."""
    database = Database(MEMORY, 0)
    _all.add(database)
    return database


def open_file(path: str, busy_timeout: float, holder: object) -> Database:
    """Return the database in a file; the file is made if there is none.

    Args:
        path: An absolute path.
        busy_timeout: How long to wait for other processes, in seconds, if this opens the file.
        holder: Who will use it, until `let_go`.

    Raises:
        StoreError: There can be no such file.
    """
    database = _files.get(_identify(path) or ("", 0, 0))
    if database is not None and holder in database.holders:
        return database
    with _lock:
        file = _identify(path) or _create(path)
        database = _files.get(file)
        if database is None:
            _forget_replaced(path)
            database = _files[file] = Database(path, busy_timeout)
            _all.add(database)
        database.holders.add(holder)
    return database


def let_go(holder: object) -> list[Database]:
    """Close the databases that only `holder` held, and return them; they may not have ended yet."""
    ended = []
    with _lock:
        for file, database in list(_files.items()):
            if holder in database.holders:
                database.holders.discard(holder)
                if not database.holders:
                    del _files[file]
                    database.finish()
                    ended.append(database)
    return ended


def _identify(path: str) -> _File | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - this runs at each operation, and pathlib costs twice as much
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path} cannot be opened: {error.strerror}") from error
    return path, status.st_dev, status.st_ino


def _create(path: str) -> _File:
    """Make an empty file, which is an empty database."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o644))
        status = os.stat(path)  # noqa: PTH116
    except OSError as error:
        raise StoreError(
            f"{path} cannot be made: {error.strerror}. Check that the folder exists and that this user may write there"
        ) from error
    return path, status.st_dev, status.st_ino


def _forget_replaced(path: str) -> None:
    """Close databases whose file is no longer the one at `path`."""
    for file, database in list(_files.items()):
        if file[0] == path:
            del _files[file]
            database.finish()


def _close_all() -> None:
    databases = [database for database in _all if not database.inherited]
    for database in databases:
        database.finish()
    deadline = time.monotonic() + _EXIT_TIMEOUT
    for database in databases:
        database.join(max(0.0, deadline - time.monotonic()))


def _start_anew_in_child() -> None:
    _lock.release()
    for database in _all:
        database.disown()
    _files.clear()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_start_anew_in_child)

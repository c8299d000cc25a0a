"""Which databases are open in this process: one for each file, however many use it.

A file is its path, device and inode: one that was deleted and made again under an open connection is another database.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from contextlib import suppress
from typing import Final

from sessions.db.sqlite.database import Database
from sessions.db.sqlite.opening import MEMORY, FileIdentity, identify
from sessions.errors import StoreError
from sessions.waits.ending import is_finalizing, refuse_at_end

_EXIT_TIMEOUT: Final = 2.0
"""Seconds that a program's end waits for connections to close. What was acknowledged is on disk already."""

_FORK_TIMEOUT: Final = 15.0
"""Seconds that a fork waits for running transactions. What is still open then cannot be opened in the child."""

_REPLACE_TIMEOUT: Final = 5.0
"""Seconds that a replaced file's connections are waited for."""

LINGER: Final = 1.8
"""Seconds for which a file stays open after the last one to use it has closed: the next request may come soon.

Two are promised; this leaves some for a busy machine."""

_HASTE: Final = 0.05
"""Seconds after which nobody seems to hurry any more: the log of a file that was closed is emptied."""

_IDLE_FILES: Final = 8
"""Files that stay open although every object that used them is gone: the next one may come soon."""

_lock = threading.Lock()
_files: dict[str, Database] = {}
"""By path. Whether the file there is still the same one is looked at on the database's threads, once for a group."""

_closing: dict[str, float] = {}
"""When to close files that nobody uses any more, by path; by `time.monotonic`."""

_closer: threading.Thread | None = None
"""Who closes them."""

_memories: weakref.WeakKeyDictionary[object, Database] = weakref.WeakKeyDictionary()
_all: weakref.WeakSet[Database] = weakref.WeakSet()
_open_at_fork: set[str] = set()
"""Files that could not be closed before this process was forked."""


def open_memory(holder: object) -> Database:
    """Return the database in memory that belongs to `holder`, and ends with it or with `let_go`.

    Raises:
        StoreError: The interpreter is ending.
    """
    refuse_at_end()
    with _lock:
        database = _memories.get(holder)
        if database is None:
            database = _memories[holder] = Database(MEMORY, 0, None)
            _all.add(database)
        return database


def open_file(path: str, busy_timeout: float, holder: object) -> Database:
    """Return the database in a file; the file is created if it is missing.

    Args:
        path: An absolute path.
        busy_timeout: How long to wait for other processes, in seconds, if this opens the file.
        holder: The object that will use it, until `let_go`.

    Raises:
        StoreError: Such a file cannot exist, or the interpreter is ending.
    """
    refuse_at_end()  # Before the lock: whoever has it will not give it back.
    database = _files.get(path)
    if database is not None and holder in database.holders:
        return database
    if path in _open_at_fork:
        raise StoreError(
            f"{path} was in the middle of a transaction when this process was forked, so this process cannot "
            "open it. Nothing was changed. Start processes before using sessions, or use multiprocessing's "
            '"spawn".'
        )
    if database is not None and path in _closing and not database.holders and not database.is_as_it_was:
        # Overwritten since it was closed: the connections' caches do not match it.
        retire(database)
    with _lock:
        database = _files.get(path)
        if database is None:
            database = Database(path, busy_timeout, identify(path) or _create(path))
            _close_idle()
            _files[path] = database
            _all.add(database)
        elif path in _closing and not database.holders:
            database.was_reopened()
        database.holders.add(holder)
    return database


def retire(database: Database) -> None:
    """Remove a database from the registry, because its file has been replaced or its threads have ended.

    Before a new file of that name is opened, nothing may be left in the WAL, which goes by the name: SQLite would lose
    it to the old file, and might apply it to the new one.
    """
    with _lock:
        if _files.get(database.path) is database:
            del _files[database.path]
            _closing.pop(database.path, None)
            if not database.is_complete:
                # A deleted file has nothing in its log, and a log of its name may belong to a new file by now.
                database.checkpoint()
            database.finish()
            database.join(_REPLACE_TIMEOUT)


def let_go(holder: object) -> list[Database]:
    """Return the databases that only `holder` held. Those in memory are ended; files are to be lingered on or ended."""
    last: list[Database] = []
    if is_finalizing():
        return last  # Everything that could be closed has been, by `_close_all`.
    with _lock:
        for database in _files.values():
            if holder in database.holders:
                database.holders.discard(holder)
                if not database.holders:
                    last.append(database)
        memory = _memories.pop(holder, None)
        if memory is not None and not memory.inherited:
            memory.finish()
            last.append(memory)
    return last


def linger(database: Database) -> None:
    """Close a file in a moment, if it is unused by then."""
    global _closer  # noqa: PLW0603 - under the lock
    with _lock:
        if _files.get(database.path) is database and not database.holders:
            _closing[database.path] = time.monotonic() + LINGER
            if _closer is None:
                _closer = threading.Thread(target=_close_in_time, name="sessions-closing", daemon=True)
                try:
                    _closer.start()
                except RuntimeError:  # The program is ending, and starts no threads any more.
                    _closer = None


def end(database: Database) -> None:
    """Close a file, if it is unused, and wait for that."""
    with _lock:
        is_over = _end(database)
    if is_over or database.path == MEMORY:
        database.join()
        _tidy(database.path)


def unused(path: str) -> list[Database]:
    """Return the database in a file if it is open and unused."""
    database = None if is_finalizing() else _files.get(path)
    return [] if database is None or database.holders else [database]


def is_complete(path: str) -> bool:
    """Whether nothing is to be waited for when a file is closed."""
    database = _files.get(path)
    return database is not None and database.is_complete


def _end(database: Database) -> bool:
    if _files.get(database.path) is not database or database.holders:
        return False
    del _files[database.path]
    _closing.pop(database.path, None)
    database.finish()
    return True


def _tidy(path: str) -> None:
    """Remove the remains of a file that was deleted before it was closed, which SQLite leaves."""
    if path != MEMORY and not os.path.lexists(path):
        for companion in (f"{path}-wal", f"{path}-shm"):
            with suppress(OSError):
                os.unlink(companion)  # noqa: PTH108 - as above


def _close_in_time() -> None:
    """Close files whose time has come, until none is left."""
    global _closer  # noqa: PLW0603 - under the lock
    while True:
        ended = []
        with _lock:
            moment = time.monotonic()
            for path, until in _closing.items():
                hasty = _files.get(path)
                if hasty is not None and hasty.is_hasty and not hasty.holders and until <= moment + LINGER - _HASTE:
                    hasty.empty_log()
            for path in [path for path, until in _closing.items() if until <= moment]:
                del _closing[path]
                database = _files.get(path)
                if database is not None and _end(database):
                    ended.append(database)
            pause = min(_closing.values(), default=moment) - moment
            if not _closing:
                _closer = None
        for database in ended:
            database.join()
            _tidy(database.path)
        del ended
        if not pause:
            return
        time.sleep(min(pause, _HASTE))


def _create(path: str) -> FileIdentity:
    """Make an empty file, which is an empty database."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o644))
        status = os.stat(path)  # noqa: PTH116 - as in `identify`
    except OSError as error:
        raise StoreError(
            f"{path} cannot be created: {error.strerror}. Nothing was changed. Check that the folder exists "
            "and that this user may write there."
        ) from error
    return status.st_dev, status.st_ino


def _close_idle() -> None:
    """Close files without a holder, except the last few."""
    idle = [database for database in _files.values() if not database.holders]
    for database in idle[:-_IDLE_FILES]:
        del _files[database.path]
        database.finish()


def _close_all() -> None:
    with _lock:
        databases = [database for database in _all if not database.inherited]
        _files.clear()
        _closing.clear()
    for database in databases:
        database.finish()
    deadline = time.monotonic() + _EXIT_TIMEOUT
    for database in databases:
        database.join(max(0.0, deadline - time.monotonic()))


class _Fork:
    """The work around a fork: every thread stops between two transactions, with its file closed."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._late: set[str] = set()

    def before(self) -> None:
        _lock.acquire()
        self._over = threading.Event()
        self._late = set()
        deadline = time.monotonic() + _FORK_TIMEOUT
        # All are told to stop before the first is waited for.
        stopping = [(database, database.park(self._over)) for database in _all if not database.inherited]
        self._late = {database.path for database, stopped in stopping if not stopped(deadline)}

    def after_in_parent(self) -> None:
        self._over.set()
        _lock.release()

    def after_in_child(self) -> None:
        _open_at_fork.update(self._late)
        for database in _all:
            database.abandon()
        _files.clear()
        _closing.clear()
        globals()["_closer"] = None
        _lock.release()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    _fork = _Fork()
    os.register_at_fork(before=_fork.before, after_in_parent=_fork.after_in_parent, after_in_child=_fork.after_in_child)

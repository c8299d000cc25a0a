"""Opening a SQLite file, with our settings.

`wal_autocheckpoint` stays at its default: larger values were slower. `mmap_size` stays 0: a file that another program
cut short would end the process.
"""

from __future__ import annotations

import os
import sqlite3
import time
from typing import Final, TypeAlias

from sessions.db.sqlite.write_lock import WriteTurn
from sessions.errors import StoreBusyError, StoreError

MEMORY: Final = ":memory:"
DEFAULT_BUSY_TIMEOUT: Final = 10.0

_SETTINGS: Final = (
    "pragma synchronous = full",
    # Deleted content is overwritten: popped or cleared items should not stay readable in the file.
    "pragma secure_delete = on",
    # A WAL that one long reader made grow shrinks again.
    "pragma journal_size_limit = 67108864",
    # A hostile file must not run functions through its own views and triggers.
    "pragma trusted_schema = off",
)
_OLDEST_SQLITE: Final = (3, 37, 0)  # STRICT tables; RETURNING came with 3.35.
_WAL_PAUSE: Final = 0.01


FileIdentity: TypeAlias = tuple[int, int]
"""Device and inode: what tells a file from another that was put in its place."""


def identify(path: str) -> FileIdentity | None:
    """Return the identity of the file at a path, or ``None`` if it does not exist.

    Raises:
        StoreError: The system will not tell.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - this runs for each group of jobs, and pathlib costs twice as much
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(
            f"{path} cannot be opened: {error.strerror}. Nothing was changed. Check the path and its permissions."
        ) from error
    return status.st_dev, status.st_ino


class Opening:
    """How the connections of one database are opened.

    Args:
        path: The file, or `MEMORY`.
        busy_timeout: How long to wait for other processes, in seconds.
    """

    def __init__(self, path: str, busy_timeout: float) -> None:
        self.path = path
        self.busy_timeout = busy_timeout
        self._turn = WriteTurn(f"{path}-lock") if path != MEMORY else None

    def writer(self) -> sqlite3.Connection:
        """Return a connection that writes.

        Raises:
            StoreError: Python's SQLite is too old.
            sqlite3.Error: The file cannot be opened.
        """
        if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
            needed = ".".join(map(str, _OLDEST_SQLITE))
            raise StoreError(
                f"this Python has SQLite {sqlite3.sqlite_version}, but {needed} or newer is needed. Nothing was "
                "changed. Use another Python."
            )
        # A database in memory is closed by another thread if the process was forked.
        own_thread = self.path != MEMORY
        connection = sqlite3.connect(
            self.path, timeout=self.busy_timeout, isolation_level=None, check_same_thread=own_thread
        )
        try:
            self._set_up(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def without_settings(self) -> sqlite3.Connection:
        """Return a connection that uses the settings that the other, open connections have made."""
        return sqlite3.connect(self.path, timeout=self.busy_timeout, isolation_level=None)

    def reader(self) -> sqlite3.Connection:
        """Return a connection that only reads."""
        connection = self.writer()
        connection.execute("pragma query_only = on")
        # Long reads are done here; with the usual 2 MB each of their pages would be fetched again each time.
        connection.execute("pragma cache_size = -16384")
        return connection

    def take_turn(self) -> None:
        """Wait until other processes of ours let this one write.

        Raises:
            StoreBusyError: The turn did not come within the busy timeout.
        """
        if self._turn is not None and not self._turn.take(self.busy_timeout):
            raise StoreBusyError(
                f"other processes were writing {self.path} for longer than the busy timeout of "
                f"{self.busy_timeout:g} s. Nothing was changed. Try again, or look for a process that hangs."
            )

    def take_turn_if_free(self) -> bool:
        """Take the turn unless another process has it, or waits for it; tell whether it was taken."""
        return self._turn is None or self._turn.take(0)

    def give_turn_back(self) -> None:
        """Let the next process write."""
        if self._turn is not None:
            self._turn.give_back()

    def close(self) -> None:
        """Let go of the lock file."""
        if self._turn is not None:
            self._turn.close()

    def _set_up(self, connection: sqlite3.Connection) -> None:
        self._use_wal(connection)
        for setting in _SETTINGS:
            connection.execute(setting).fetchall()

    def _use_wal(self, connection: sqlite3.Connection) -> None:
        """Put the file into WAL mode, in which readers do not wait for writers; once set, the file keeps it.

        The change needs the file for itself and SQLite does not wait for that, so this does.
        """
        deadline = time.monotonic() + self.busy_timeout
        while True:
            try:
                connection.execute("pragma journal_mode = wal").fetchall()
            except sqlite3.OperationalError as error:
                code = error.sqlite_errorcode & 0xFF
                if code == sqlite3.SQLITE_READONLY:
                    return  # It can be read as it is; a write will say that it cannot be written.
                if code != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(_WAL_PAUSE)
            else:
                return

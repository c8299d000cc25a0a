"""Having all of a database in its file, without the cost of closing it: a copy of the file alone is whole then.

Committed pages are in the write-ahead log until a checkpoint copies them into the file (https://sqlite.org/wal.html). A
checkpoint of the whole log waits for the disk twice, and so does the next commit, which begins the log again. One that
leaves the end of the log out waits for nothing, since the log stays: it has all that a loss of power may take from the
file. So the log is given a useless end. A reader that was there before keeps the end out of the checkpoint.

A checkpoint takes of each page the last version in the log, or nothing if that is in the part it leaves out. The end is
therefore a version of a page that is never changed otherwise while the file is open.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sessions.db.transaction import Statement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessions.db.sqlite.transaction import Texts

_NUMBER: Final = Statement(
    "The latest migration of a component that is there whatever others are.",
    "select max(number) from {schema} where component = 'store'",
)
_NEW_END: Final = Statement(
    "Change a page that only migrations change otherwise: by a microsecond, as SQLite writes none that stays as it is.",
    """
    update {schema} set applied_at = applied_at + 1 - 2 * (applied_at % 2)
    where component = 'store' and number = :number
    """,
)
_LOOK: Final = "select 1 from sqlite_master"
_CHECKPOINT: Final = "pragma wal_checkpoint(passive)"
_EMPTY_LOG: Final = "pragma wal_checkpoint(truncate)"


class Completing:
    """Completes one file, again and again, through two connections on one thread.

    Args:
        texts: Statements about the tables of each prefix that is in use.

    Attributes:
        is_due: Whether something may have been committed since the last time.
        is_synced: Whether this process has synced all that it committed since then.
    """

    def __init__(self, texts: Mapping[int, Texts]) -> None:
        self._texts = texts
        self.is_due = True
        self.is_synced = False
        self._seen: object = None
        self._new_end: tuple[str, int] | None = None

    def complete(
        self, connection: sqlite3.Connection, other: sqlite3.Connection, opened: int, *, hastily: bool
    ) -> bool:
        """Copy the log's content into the file; return False if that is not possible without waiting for others.

        Args:
            connection: One without a transaction. Its `synchronous` and busy timeout are to be set again.
            other: Another one to the same file, without a transaction.
            opened: Another number for each time that the first one was opened.
            hastily: Leave a new end in the log, which is empty otherwise: then nothing is left to be copied later.
        """
        connection.execute("pragma busy_timeout = 0")
        seen = opened, connection.execute("pragma data_version").fetchone()
        # Other connections' commits may not be on disk, and the file must not be written before the log is.
        knows_all = self.is_synced and seen == self._seen
        self._seen = seen
        try:
            done = hastily and knows_all and self._all_but_a_new_end(connection, other)
            done = done or self._all(connection)
        except sqlite3.Error:
            done = False
        self.is_synced = done
        self.is_due = not done
        return done

    def _all_but_a_new_end(self, connection: sqlite3.Connection, other: sqlite3.Connection) -> bool:
        if self._new_end is None:
            return False
        text, number = self._new_end
        connection.execute("pragma synchronous = off")
        # It reads for as long as there are rows left.
        looking = other.execute(_LOOK)
        try:
            # Without an end, the whole log would be copied, and be begun again before the file is on disk.
            if connection.execute(text, (number,)).rowcount != 1:
                return False
            (busy, pages, copied), *_ = connection.execute(_CHECKPOINT).fetchall()
        finally:
            looking.close()
        return not busy and copied == pages - 1

    def _all(self, connection: sqlite3.Connection) -> bool:
        connection.execute("pragma synchronous = full")
        (busy, *_), *_ = connection.execute(_EMPTY_LOG).fetchall()
        if busy:
            return False
        self._new_end = None
        for texts in tuple(self._texts.values()):
            with suppress(sqlite3.OperationalError):  # Tables with this prefix do not exist yet.
                (number,) = connection.execute(texts[_NUMBER][0]).fetchone()
                self._new_end = texts[_NEW_END][0], number
        return True

"""SQLite's errors, translated at one door."""

from __future__ import annotations

import sqlite3
from typing import Final, NamedTuple

from sessions.errors import (
    NotADatabaseError,
    StoreBusyError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
)


class _Translation(NamedTuple):
    error: type[StoreError]
    text: str


# By primary result code (https://www.sqlite.org/rescode.html); the low byte of an extended one.
_TRANSLATIONS: Final = {
    sqlite3.SQLITE_BUSY: _Translation(
        StoreBusyError,
        "stayed locked by another process for longer than the busy timeout; nothing was changed. Try again, find who "
        "holds it, or raise busy_timeout",
    ),
    sqlite3.SQLITE_LOCKED: _Translation(StoreBusyError, "is locked; nothing was changed. Try again"),
    sqlite3.SQLITE_FULL: _Translation(
        StoreFullError, "cannot grow: the disk or the file's size limit is full; nothing was changed. Make room"
    ),
    sqlite3.SQLITE_READONLY: _Translation(
        StoreReadOnlyError,
        "can only be read; nothing was changed. Check the permissions of the file and its folder",
    ),
    sqlite3.SQLITE_PERM: _Translation(
        StoreReadOnlyError,
        "may not be used by this user; nothing was changed. Check the permissions of the file and its folder",
    ),
    sqlite3.SQLITE_CANTOPEN: _Translation(
        StoreError, "cannot be opened. Check that the folder exists and that this user may write there"
    ),
    sqlite3.SQLITE_NOTADB: _Translation(
        NotADatabaseError, "is not a SQLite database; nothing was changed. Check the path"
    ),
    sqlite3.SQLITE_CORRUPT: _Translation(
        NotADatabaseError, "is damaged. Restore it from a backup, or try `sqlite3 FILE .recover`"
    ),
    sqlite3.SQLITE_IOERR: _Translation(
        StoreError, "could not be read or written by the system; nothing was changed. Check the disk"
    ),
}
_OTHER: Final = _Translation(StoreError, "refused the operation; nothing was changed")


def translate(error: sqlite3.Error, subject: str, where: str) -> StoreError:
    """Return one of SQLite's errors as ours, with the original as its cause.

    Args:
        error: What `sqlite3` raised. Its text names tables and columns, never values.
        subject: Whom it concerns, as in "session 'user_123'".
        where: The database.
    """
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    translation = _TRANSLATIONS.get(code, _OTHER)
    translated = translation.error(f"{subject}: {where} {translation.text} (SQLite says: {error})")
    translated.__cause__ = error
    return translated

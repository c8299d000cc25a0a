"""SQLite's errors, translated at one door."""

from __future__ import annotations

import sqlite3
from typing import Final

from sessions.errors import NotADatabaseError, StoreBusyError, StoreError, StoreFullError, StoreReadOnlyError

# By primary result code (https://www.sqlite.org/rescode.html); the low byte of an extended one.
_TRANSLATIONS: Final[dict[int, tuple[type[StoreError], str]]] = {
    sqlite3.SQLITE_BUSY: (
        StoreBusyError,
        (
            "stayed locked by another process for longer than the busy timeout. Nothing was changed. Try "
            "again, or find that process"
        ),
    ),
    sqlite3.SQLITE_LOCKED: (StoreBusyError, "is locked. Nothing was changed. Try again"),
    sqlite3.SQLITE_FULL: (
        StoreFullError,
        "cannot grow: the disk or the file's size limit is full. Nothing was changed. Make room",
    ),
    sqlite3.SQLITE_READONLY: (
        StoreReadOnlyError,
        "cannot be written by this user. Nothing was changed. Check the permissions of the file and its folder",
    ),
    sqlite3.SQLITE_PERM: (
        StoreReadOnlyError,
        "may not be used by this user. Nothing was changed. Check the permissions of the file and its folder",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        StoreError,
        (
            "cannot be opened. Nothing was changed. Check that it is a file, that its folder exists and "
            "that this user may write there"
        ),
    ),
    sqlite3.SQLITE_NOTADB: (NotADatabaseError, "is not a SQLite database. Nothing was changed. Check the path"),
    sqlite3.SQLITE_CORRUPT: (
        NotADatabaseError,
        "is damaged. Nothing was changed. Restore it from a backup, or try `sqlite3 FILE .recover`",
    ),
    sqlite3.SQLITE_IOERR: (
        StoreError,
        "could not be read or written by the system. Nothing was changed. Check the disk",
    ),
}
_OTHER: Final[tuple[type[StoreError], str]] = (StoreError, "refused the operation. Nothing was changed. See the reason")


def translate(error: sqlite3.Error, where: str) -> StoreError:
    """Return one of SQLite's errors as ours, with the original as its cause.

    Args:
        error: The error of `sqlite3`. Its text names tables and columns, never values.
        where: The database.
    """
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    kind, text = _TRANSLATIONS.get(code, _OTHER)
    translated = kind(f"{where} {text} (SQLite says: {error}).")
    translated.__cause__ = error
    return translated


def lacks_tables(error: BaseException | None) -> bool:
    """Tell whether an error says that a table or a column is missing."""
    texts = ("no such table", "no such column", "has no column named")
    return isinstance(error, sqlite3.OperationalError) and any(text in str(error) for text in texts)

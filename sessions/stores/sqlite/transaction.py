"""The log's transaction, over a `sqlite3` connection."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from sessions.log.dialect import SQLITE, words

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from sessions.log.transaction import Row, Statement

_WORDS = words(SQLITE)


@cache
def _render(statement: Statement) -> str:
    (text,) = statement.render(SQLITE, _WORDS)
    return text


class SQLiteTransaction:
    """Runs statements on the connection's own thread.

    All rows are fetched at once: an unfetched cursor would hold its snapshot and keep the WAL from being reused.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        self._executemany = connection.executemany

    def run(self, statement: Statement, /, **values: Any) -> None:
        """Execute a statement that returns nothing."""
        self._execute(_render(statement), values)

    def one(self, statement: Statement, /, **values: Any) -> Row | None:
        """Return the first row, or ``None`` if there is none."""
        rows = self._execute(_render(statement), values).fetchall()
        return rows[0] if rows else None

    def all(self, statement: Statement, /, **values: Any) -> list[Row]:
        """Return all rows."""
        return self._execute(_render(statement), values).fetchall()

    def many(self, statement: Statement, rows: Iterable[dict[str, Any]], /) -> None:
        """Execute a statement once for each of `rows`."""
        self._executemany(_render(statement), rows)

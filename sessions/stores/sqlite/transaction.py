"""The log's transaction, over a `sqlite3` connection."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from sessions.log.dialect import SQLITE, words

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from sessions.log.transaction import Row, Statement

_PAGE = 256
"""Rows fetched at a time."""

_WORDS = words(SQLITE)


@cache
def _render(statement: Statement) -> str:
    (text,) = statement.render(SQLITE, _WORDS)
    return text


@cache
def _render_positional(statement: Statement) -> str:
    """Return the text with ``?`` for each parameter: values by place are faster bound than values by name."""
    return re.sub(r":\w+", "?", _render(statement))


class SQLiteTransaction:
    """Runs statements on the connection's own thread.

    No cursor stays open: it would hold its snapshot and keep the WAL from being reused.
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

    def pages(self, statement: Statement, /, **values: Any) -> Iterator[list[Row]]:
        """Yield all rows, in lists of any size."""
        cursor = self._execute(_render(statement), values)
        try:
            while rows := cursor.fetchmany(_PAGE):
                yield rows
        finally:
            cursor.close()

    def many(self, statement: Statement, rows: Iterable[tuple[Any, ...]], /) -> None:
        """Execute a statement once for each of `rows`, whose values are in the order of the statement's parameters."""
        self._executemany(_render_positional(statement), rows)

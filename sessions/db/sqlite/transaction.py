"""A transaction over a `sqlite3` connection."""

from __future__ import annotations

import re
import sqlite3
from contextlib import suppress
from contextvars import copy_context
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from sessions.db.command import Command, Long, command_of
from sessions.db.dialect import PREFIX, SQLITE
from sessions.db.transaction import Certain
from sessions.db.words import words

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

    from sessions.db.schema import Schema
    from sessions.db.sqlite.connection_thread import ConnectionThread
    from sessions.db.transaction import Row, Statement, Transaction

T = TypeVar("T")

_PAGE = 256
"""Rows fetched at a time."""

_PARAMETER = re.compile(r":(\w+)")


class Texts(dict["Statement", tuple[str, tuple[str, ...]]]):
    """Statements about the tables of components: each with ``?`` for its parameters, and their names in this order.

    For each value that it binds by name, Python's `sqlite3` gives the interpreter's lock away.
    """

    def __init__(self, prefix: str, schemas: Sequence[Schema]) -> None:
        super().__init__()
        self._words = words(schemas, SQLITE, prefix)

    def __missing__(self, statement: Statement) -> tuple[str, tuple[str, ...]]:
        (text,) = statement.render(SQLITE, self._words)
        made = self[statement] = _PARAMETER.sub("?", text), tuple(_PARAMETER.findall(text))
        return made


@cache
def texts_of(prefix: str, schemas: tuple[Schema, ...]) -> Texts:
    """Return the statements about the tables of components with a prefix.

    Raises:
        ValueError: It cannot begin a table's name.
    """
    return Texts(prefix, schemas)


_OF_NONE: Final = texts_of(PREFIX, ())
"""What a transaction begins with: each of its jobs brings the statements of its own components, by `About`."""


class SQLiteTransaction(Certain):
    """Runs statements on the connection's own thread.

    No cursor stays open: it would hold its snapshot and keep the WAL from being reused.

    Args:
        connection: The connection.
        other: A thread that may compute results needed later, if any.
        texts: The statements of the tables to use.
    """

    database = SQLITE

    def __init__(
        self, connection: sqlite3.Connection, other: ConnectionThread | None = None, texts: Texts = _OF_NONE
    ) -> None:
        self._connection = connection
        self._other = other
        self._texts = texts
        self._execute = connection.execute
        self._executemany = connection.executemany
        self._last: SQLiteTransaction | None = None

    @property
    def known(self) -> dict[Hashable, Any]:
        """Nothing: asking costs microseconds here, and is never out of date."""
        return {}

    def with_texts(self, texts: Texts) -> SQLiteTransaction:
        """Return the same transaction about the tables of some components."""
        if self._last is None or self._last._texts is not texts:  # noqa: SLF001 - of this class
            self._last = SQLiteTransaction(self._connection, self._other, texts)
        return self._last

    def run(self, statement: Statement, /, **values: Any) -> None:
        """Execute a statement that returns nothing."""
        self._do(statement, values)

    def one(self, statement: Statement, /, **values: Any) -> Row | None:
        """Return the first row, or ``None`` without any."""
        rows = self._do(statement, values).fetchall()
        return rows[0] if rows else None

    def all(self, statement: Statement, /, **values: Any) -> list[Row]:
        """Return all rows."""
        return self._do(statement, values).fetchall()

    def pages(self, statement: Statement, /, **values: Any) -> Iterator[list[Row]]:
        """Yield all rows, in lists of any size."""
        cursor = self._do(statement, values)
        try:
            while rows := cursor.fetchmany(_PAGE):
                yield rows
        finally:
            # After an error, whichever thread gives the error's frames up comes here, too.
            with suppress(sqlite3.ProgrammingError):
                cursor.close()

    def many(self, statement: Statement, rows: Iterable[tuple[Any, ...]], /) -> None:
        """Execute a statement once for each of `rows`, whose values are in the order of the statement's parameters."""
        self._executemany(self._texts[statement][0], rows)

    def beside(self, compute: Callable[[], T], /) -> Callable[[], T]:
        """Return a function for the result of `compute`, which may be computed while SQLite executes a statement."""
        if self._other is None:
            return compute
        # A codec may depend on the caller's context; a context is entered by one thread at a time.
        return self._other.offer(partial(copy_context().run, compute))

    def _do(self, statement: Statement, values: dict[str, Any]) -> sqlite3.Cursor:
        text, names = self._texts[statement]
        return self._execute(text, [values[name] for name in names])


class About(Command[T]):
    """Work about the tables of some components."""

    __slots__ = ("_texts", "_work")

    def __init__(self, work: Callable[[Transaction], T], texts: Texts) -> None:
        self._work = work
        self._texts = texts

    @property
    def size(self) -> int:
        """The bytes of the work's payloads."""
        return command_of(self._work).size

    def __call__(self, tx: Transaction) -> T:
        """Do it in `tx`, which is SQLite's."""
        return self._work(cast("SQLiteTransaction", tx).with_texts(self._texts))


class BriefRead(Command[T | Long]):
    """A brief read, which is done where changes are.

    A commit makes every other connection forget the pages that it has in its cache, but not the one that wrote. An
    agent reads the conversation and adds to it, turn by turn; the reading connection would fetch all of it each time.
    """

    __slots__ = ("_briefly", "_texts")

    def __init__(self, briefly: Callable[[Transaction], T | Long], texts: Texts) -> None:
        self._briefly = briefly
        self._texts = texts

    def __call__(self, tx: Transaction) -> T | Long:
        """Do it in `tx`, which is SQLite's."""
        return self._briefly(cast("SQLiteTransaction", tx).with_texts(self._texts))

"""A transaction over a SQLAlchemy connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import text

from sessions.db.dialect import PREFIX
from sessions.db.transaction import Certain
from sessions.db.words import words

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

    from sqlalchemy import Connection, CursorResult, TextClause

    from sessions.db.schema import Schema
    from sessions.db.transaction import Row, Statement

T = TypeVar("T")


class Texts:
    """Statements as SQLAlchemy wants them for one database and set of names, made once each."""

    def __init__(
        self, schemas: Sequence[Schema], database: str, prefix: str = PREFIX, sql_schema: str | None = None
    ) -> None:
        self.database = database
        self._words = words(schemas, database, prefix, sql_schema)
        self._made: dict[Statement, tuple[TextClause, ...]] = {}
        self.known: dict[Hashable, Any] = {}
        """What is remembered of the database; texts are one database's."""

    def __getitem__(self, statement: Statement) -> tuple[TextClause, ...]:
        made = self._made.get(statement)
        if made is None:
            made = tuple(text(sql) for sql in statement.render(self.database, self._words))
            self._made[statement] = made
        return made


class SQLAlchemyTransaction(Certain):
    """Runs statements on a connection inside `AsyncConnection.run_sync`."""

    def __init__(self, connection: Connection, texts: Texts) -> None:
        self._connection = connection
        self._texts = texts
        self.database = texts.database
        self.raised: list[BaseException] = []
        self.known = texts.known

    def run(self, statement: Statement, /, **values: Any) -> None:
        """Execute a statement that returns nothing."""
        for clause in self._texts[statement]:
            self._execute(clause, _used(clause, values))

    def one(self, statement: Statement, /, **values: Any) -> Row | None:
        """Return the first row, or ``None`` without any."""
        rows = self.all(statement, **values)
        return rows[0] if rows else None

    def all(self, statement: Statement, /, **values: Any) -> list[Row]:
        """Return all rows."""
        *before, last = self._texts[statement]
        for clause in before:
            self._execute(clause, _used(clause, values))
        # From the driver's cursor: SQLAlchemy would log each row, if its logger is that talkative.
        with self._execute(last, _used(last, values)) as result:
            return [tuple(row) for row in result.cursor.fetchall()]

    def pages(self, statement: Statement, /, **values: Any) -> Iterator[list[Row]]:
        """Yield all rows, in one list: the drivers have fetched them anyway."""
        yield self.all(statement, **values)

    def many(self, statement: Statement, rows: Iterable[tuple[Any, ...]], /) -> None:
        """Execute a statement once for each of `rows`, whose values are in the order of the statement's parameters."""
        (clause,) = self._texts[statement]
        names = list(clause._bindparams)  # noqa: SLF001
        if listed := [dict(zip(names, row, strict=True)) for row in rows]:
            self._execute(clause, listed)

    def beside(self, compute: Callable[[], T], /) -> Callable[[], T]:
        """Return `compute` itself: running it beside gains nothing, as rows need the interpreter's lock."""
        return compute

    def _execute(self, clause: TextClause, values: Any) -> CursorResult[Any]:
        try:
            return self._connection.execute(clause, values)
        except BaseException as error:
            self.raised.append(error)
            raise


def _used(clause: TextClause, values: dict[str, Any]) -> dict[str, Any]:
    """Return the values that a text has parameters for: of several texts, each has some."""
    return {name: value for name, value in values.items() if name in clause._bindparams}  # noqa: SLF001

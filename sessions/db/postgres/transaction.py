"""A transaction over asyncpg's own connection: a statement takes half the time that it takes through SQLAlchemy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy.util import await_only, greenlet_spawn

from sessions.db.dialect import POSTGRES
from sessions.db.transaction import Certain

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable, Iterable, Iterator, Mapping

    from sessions.db.transaction import Row, Statement

T = TypeVar("T")

_NAMED = re.compile(r"(?<!:):(\w+)")


class NumberedTexts:
    """Statements as asyncpg wants them, made once each: with numbers for parameters, in the order of their names."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._words = words
        self._made: dict[Statement, tuple[str, tuple[str, ...]]] = {}
        self.known: dict[Hashable, Any] = {}
        """What is remembered of the database; texts are one database's."""

    def __getitem__(self, statement: Statement) -> tuple[str, tuple[str, ...]]:
        made = self._made.get(statement)
        if made is None:
            (text,) = statement.render(POSTGRES, self._words)
            names = tuple(dict.fromkeys(_NAMED.findall(text)))
            numbered = _NAMED.sub(lambda found: f"${names.index(found[1]) + 1}", text)
            made = self._made[statement] = numbered, names
        return made


class AsyncpgTransaction(Certain):
    """Runs statements on a driver's connection inside SQLAlchemy's `greenlet_spawn`, which waits for them."""

    database = POSTGRES

    def __init__(self, connection: Any, texts: NumberedTexts) -> None:
        self._connection = connection
        self._texts = texts
        self.raised: list[BaseException] = []
        self.known = texts.known

    def run(self, statement: Statement, /, **values: Any) -> None:
        """Execute a statement that returns nothing."""
        self.all(statement, **values)

    def one(self, statement: Statement, /, **values: Any) -> Row | None:
        """Return the first row, or ``None`` without any."""
        rows = self.all(statement, **values)
        return rows[0] if rows else None

    def all(self, statement: Statement, /, **values: Any) -> list[Row]:
        """Return all rows."""
        text, names = self._texts[statement]
        rows = self._answer(self._connection.fetch(text, *[values[name] for name in names]))
        return [tuple(row) for row in rows]

    def pages(self, statement: Statement, /, **values: Any) -> Iterator[list[Row]]:
        """Yield all rows, in one list: the driver has fetched them anyway."""
        yield self.all(statement, **values)

    def many(self, statement: Statement, rows: Iterable[tuple[Any, ...]], /) -> None:
        """Execute a statement once for each of `rows`, whose values are in the order of the statement's parameters."""
        text, _ = self._texts[statement]
        self._answer(self._connection.executemany(text, rows))

    def beside(self, compute: Callable[[], T], /) -> Callable[[], T]:
        """Return `compute` itself: running it beside gains nothing, as rows need the interpreter's lock."""
        return compute

    def _answer(self, statement: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await_only(statement)
        except BaseException as error:
            self.raised.append(error)
            raise


async def end_what_listeners_began(pooled: Any) -> None:
    """Commit the transaction that an engine's listener left open on a new connection, for example after a SET.

    Our own changes in that transaction would be rolled back when the connection is returned, and invisible until then.
    """
    if pooled.driver_connection.is_in_transaction():
        await greenlet_spawn(pooled.dbapi_connection.commit)

"""The small object through which components speak to a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from sessions.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, MutableMapping

T = TypeVar("T")

Row: TypeAlias = tuple[Any, ...]


class Statement:
    """One named SQL statement.

    Attributes:
        purpose: Its purpose in one line.
        sql: Its text in the portable subset, with ``:named`` parameters and ``{word}`` for each of our tables.
        variants: Its text where a database needs another, by the database's name: ``sqlite``, ``postgresql`` or
            ``mysql``. Several texts are executed in order, and the last one's rows are the result.
    """

    __slots__ = ("purpose", "sql", "variants")

    def __init__(self, purpose: str, sql: str, variants: Mapping[str, str | tuple[str, ...]] | None = None) -> None:
        self.purpose = purpose
        self.sql = sql
        self.variants = variants or {}

    def render(self, database: str, words: Mapping[str, str]) -> tuple[str, ...]:
        """Return the texts for `database`, with its `words` replaced."""
        texts = self.variants.get(database, self.sql)
        return tuple(text.format_map(words) for text in ((texts,) if isinstance(texts, str) else texts))


class Certain:
    """Variants of `one` that every kind of transaction has."""

    __slots__ = ()

    def the(self: Transaction, statement: Statement, /, **values: Any) -> Row:
        """Return the row that has to be there.

        Raises:
            StoreError: It is not.
        """
        row = self.one(statement, **values)
        if row is None:
            raise StoreError(
                f"a row is missing that existed a moment ago ({statement.purpose.splitlines()[0]}). Nothing was "
                "changed. Look for another program that changes our tables."
            )
        return row


class Transaction(Protocol):
    """A running transaction: all it did becomes visible at once, or nothing does.

    If the database gives the whole transaction up, its function may be run again from the start. So a function over a
    transaction changes nothing except the database.
    """

    @property
    def database(self) -> str:
        """The database's name, by which statements have variants: some return something else on one."""
        ...

    @property
    def known(self) -> MutableMapping[Hashable, Any]:
        """Facts about the database that this process remembers, so that it need not ask again."""
        ...

    def run(self, statement: Statement, /, **values: Any) -> None:
        """Execute a statement that returns nothing."""
        ...

    def one(self, statement: Statement, /, **values: Any) -> Row | None:
        """Return the first row, or ``None`` without any."""
        ...

    def the(self, statement: Statement, /, **values: Any) -> Row:
        """Return the row that has to be there.

        Raises:
            StoreError: It is not.
        """
        ...

    def all(self, statement: Statement, /, **values: Any) -> list[Row]:
        """Return all rows."""
        ...

    def pages(self, statement: Statement, /, **values: Any) -> Iterator[list[Row]]:
        """Yield all rows in lists of any size, so that processed rows need not stay in memory."""
        ...

    def many(self, statement: Statement, rows: Iterable[tuple[Any, ...]], /) -> None:
        """Execute a statement once for each of `rows`, whose values are in the order of the statement's parameters."""
        ...

    def beside(self, compute: Callable[[], T], /) -> Callable[[], T]:
        """Return a function that returns the result of `compute`, or raises its error.

        It may be computed at any time until then, on any thread, while the database executes the next statement.
        """
        ...

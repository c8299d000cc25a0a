"""Lists of memories and of namespaces, page by page, in the order of paths and keys."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from sessions.db.command import LONG, Command
from sessions.db.dialect import MARIADB, SQLITE, text_of_key
from sessions.labels import as_stored
from sessions.memory.paths import labels_of, range_of
from sessions.memory.rows import MemoryRow
from sessions.memory.statements import listing as statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sessions.db.command import Long
    from sessions.db.transaction import Row, Transaction
    from sessions.types.memories import Labels

_SPACES: Final = 256
"""Namespaces that are looked at together."""

BRIEF: Final = 256
"""Memories of a page that takes little time; longer ones are read in parts of so many."""

_LOOKS: Final = 16
"""Statements after which a short list is not brief any more."""

WILDCARD: Final = "*"
"""Stands for any label in a prefix or suffix of `namespaces`."""


class Below(NamedTuple):
    """Which memories are looked at.

    Attributes:
        low: The first path.
        high: The first text behind the last path.
        now: The time: memories that have expired by then are left out.
        owner: Only those of this owner's namespaces, as `labels.py` writes it, or ``None`` for all.
    """

    low: str
    high: str
    now: int
    owner: str | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of statements about them, without the beginning."""
        owner = {} if self.owner is None else {"owner": self.owner}
        return {"high": self.high, **owner}

    @property
    def is_owned(self) -> bool:
        """Whether an owner is wanted."""
        return self.owner is not None


class Place(NamedTuple):
    """A place in a list: behind a key of a namespace."""

    path: str
    name: str


class PayloadPage(NamedTuple):
    """Memories of one namespace, with enough of each to tell whether a filter wants it, if it is in the clear.

    Attributes:
        path: The path of the namespace.
        wrapped_keys: The namespace's data keys, wrapped; ``None`` if its payloads are in the clear.
        rows: Id, key and payload of each memory, as the database returns them; at least one.
    """

    path: str
    wrapped_keys: bytes | None
    rows: Sequence[Row]

    @property
    def name(self) -> str:
        """The key of the last of them."""
        return text_of_key(self.rows[-1][1])


R = TypeVar("R", MemoryRow, PayloadPage)


class _How(NamedTuple, Generic[R]):
    """How memories are read.

    Attributes:
        now: The time: memories that have expired by then are left out.
        page: How many are read at a time.
        whole: Whether all columns are read.
        make: Makes rows of a namespace's columns and of theirs.
    """

    now: int
    page: int
    whole: bool
    make: Callable[[Sequence[Any], Iterable[Row]], list[R]]


def scan(tx: Transaction, below: Below, after: Place | None, page: int) -> Iterator[list[MemoryRow]]:
    """Yield the memories behind a place, in the order of paths and keys, in lists of about `page` of them.

    A list may be empty or shorter although there are more. Memory does not grow with the number of memories.
    """
    return _scan(tx, below, after, _How(below.now, page, whole=True, make=_rows))


def scan_payloads(tx: Transaction, below: Below, after: Place | None, page: int) -> Iterator[list[PayloadPage]]:
    """Do the same, but read enough for filters alone, and make no object of each memory: in a third of the time."""
    return _scan(tx, below, after, _How(below.now, page, whole=False, make=_payload_pages))


def _scan(tx: Transaction, below: Below, after: Place | None, how: _How[R]) -> Iterator[list[R]]:
    # The first path of the range may be a namespace's, too.
    behind, name = (below.low, "") if after is None else after
    row = tx.one(statements.THE_SPACE, path=behind)
    if row is not None and (below.owner is None or below.owner == _text(row[2])):
        yield from _rest(tx, row, name, how)
    while True:
        found = tx.all(
            statements.next_spaces(owned=below.is_owned),
            after=behind,
            count=statements.SPACES_AT_ONCE,
            **below.values,
        )
        if not found:
            return
        yield from _first(tx, found, how)
        behind = as_stored(found[-1][1])


def _rest(tx: Transaction, space: Row, after: str, how: _How[R]) -> Iterator[list[R]]:
    """Yield the memories of a namespace behind a key."""
    number, *of_space = space
    statement = statements.next_memories(whole=how.whole)
    while rows := tx.all(statement, space=number, after=after, now=how.now, count=how.page):
        made = how.make(of_space, rows)
        yield made
        after = made[-1].name
        if len(rows) < how.page:
            return


def _first(tx: Transaction, spaces: Sequence[Row], how: _How[R]) -> Iterator[list[R]]:
    """Yield all memories of some namespaces."""
    # A number without a namespace stands for the missing ones.
    numbers = {
        f"s{place}": spaces[place][0] if place < len(spaces) else -1 for place in range(statements.SPACES_AT_ONCE)
    }
    found: dict[int, list[Row]] = {}
    for space, *row in tx.all(statements.first_memories(whole=how.whole), now=how.now, count=how.page, **numbers):
        found.setdefault(space, []).append(tuple(row))
    if tx.database == MARIADB:
        # It promises no order of a union's rows. Stored in a temporary table, a small one came before others.
        for rows in found.values():
            rows.sort(key=itemgetter(1))
    gathered: list[R] = []
    for space in spaces:
        number, *of_space = space
        rows = found.get(number, [])
        gathered += how.make(of_space, rows)
        if len(rows) == how.page:
            yield gathered
            yield from _rest(tx, space, gathered[-1].name, how)
            gathered = []
        elif len(gathered) >= how.page:
            yield gathered
            gathered = []
    yield gathered


class ListMemories(Command[list[MemoryRow]], msgspec.Struct, frozen=True, eq=False):
    """List the first memories behind a place.

    Attributes:
        below: Which memories.
        after: The place; ``None`` for the beginning.
        limit: The number of them at most.
    """

    below: Below
    after: Place | None
    limit: int

    def __call__(self, tx: Transaction) -> list[MemoryRow]:
        """Do it in `tx`."""
        if (page := self._at_once(tx)) is not None:
            return page
        found: list[MemoryRow] = []
        for rows in self._pages(tx):
            found += rows
            if len(found) >= self.limit:
                break
        return found[: self.limit]

    @property
    def briefly(self) -> Callable[[Transaction], list[MemoryRow] | Long] | None:
        """A short list takes little time, unless most namespaces have only expired memories."""
        return self._briefly if self.limit <= BRIEF else None

    def _briefly(self, tx: Transaction) -> list[MemoryRow] | Long:
        if (page := self._at_once(tx)) is not None:
            return page
        found: list[MemoryRow] = []
        for looked, rows in enumerate(self._pages(tx)):
            found += rows
            if len(found) >= self.limit:
                break
            if looked == _LOOKS:
                return LONG
        return found[: self.limit]

    def _at_once(self, tx: Transaction) -> list[MemoryRow] | None:
        """Return a short page by one statement, on SQLite; ``None`` if most of the next namespaces have no memory."""
        if tx.database != SQLITE or self.limit > BRIEF:
            return None
        path, name = self.after or (self.below.low, "")
        values = {"path": path, "spaces": max(self.limit, statements.SPACES_AT_ONCE), **self.below.values}
        statement = statements.first_page(owned=self.below.is_owned)
        rows = tx.all(statement, name=name, now=self.below.now, count=self.limit, **values)
        if len(rows) < self.limit and tx.one(statements.SPACE_AT, **values) is not None:
            return None
        return [MemoryRow.of(row) for row in rows]

    def _pages(self, tx: Transaction) -> Iterator[list[MemoryRow]]:
        return scan(tx, self.below, self.after, min(self.limit, BRIEF))


def count(tx: Transaction, below: Below) -> int:
    """Return the number of memories."""
    statement = statements.count_memories(owned=below.is_owned)
    return int(tx.the(statement, low=below.low, now=below.now, **below.values)[0])


class Counted(NamedTuple):
    """A namespace, or the first labels of some, with the number of their memories."""

    labels: Labels
    memories: int


class Pattern(NamedTuple):
    """Which namespaces are listed, and how deep.

    Attributes:
        prefix: Their first labels; `WILDCARD` is any.
        suffix: Their last ones.
        max_depth: How many labels are told; those of the same ones count together.
        base: How many of the first labels the suffix may not have.
    """

    prefix: Labels = ()
    suffix: Labels = ()
    max_depth: int | None = None
    base: int = 0

    def fits(self, labels: Labels) -> bool:
        """Tell whether a namespace has this prefix and this suffix."""
        first, last = labels[: len(self.prefix)], labels[len(labels) - len(self.suffix) :]
        return (
            len(labels) >= max(len(self.prefix), self.base + len(self.suffix))
            and _alike(self.prefix, first)
            and _alike(self.suffix, last)
        )


def namespaces(tx: Transaction, below: Below, pattern: Pattern, after: str | None, limit: int) -> list[Counted]:
    """Return the namespaces with memories, in the order of their paths, up to `limit`.

    Args:
        tx: A transaction.
        below: The range of their paths.
        pattern: A further condition.
        after: A path: only those behind it, and behind those that were told with it.
        limit: The number of them at most.
    """
    found: list[Counted] = []
    # Every path ends with U+0001, so none is the rest of the first one.
    behind = below.low[:-1]
    if after is not None:
        is_cut = len(labels_of(after)) == pattern.max_depth
        behind = range_of(after)[1] if is_cut else after
    while True:
        rows = tx.all(
            statements.count_by_space(owned=below.is_owned),
            after=behind,
            now=below.now,
            count=_SPACES,
            **below.values,
        )
        for path, memories in rows:
            labels = labels_of(path)
            if not memories or not pattern.fits(labels):
                continue
            told = labels[: pattern.max_depth]
            if found and found[-1].labels == told:
                found[-1] = Counted(told, found[-1].memories + int(memories))
            elif len(found) == limit:
                return found
            else:
                found.append(Counted(told, int(memories)))
        if len(rows) < _SPACES:
            return found
        behind = as_stored(rows[-1][0])


def _alike(pattern: Labels, labels: Labels) -> bool:
    return all(one in (WILDCARD, label) for one, label in zip(pattern, labels, strict=True))


def _rows(of_space: Sequence[Any], rows: Iterable[Row]) -> list[MemoryRow]:
    return [MemoryRow.of((*of_space, *row)) for row in rows]


def _payload_pages(of_space: Sequence[Any], rows: Iterable[Row]) -> list[PayloadPage]:
    path, _, wrapped = of_space
    page = PayloadPage(as_stored(path), None if wrapped is None else bytes(wrapped), list(rows))
    return [page] if page.rows else []


def _text(stored: str | bytes | None) -> str | None:
    return None if stored is None else as_stored(stored)

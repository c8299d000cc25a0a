"""Looking for memories that a filter wants, in parts of some milliseconds: between two, others have their turn.

If declared fields leave few candidates, these are looked at. Otherwise all memories are, in the order of lists.
"""

from __future__ import annotations

from heapq import nsmallest
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from sessions.db.command import Command
from sessions.db.dialect import text_of_key
from sessions.memory.candidates import candidates
from sessions.memory.fragments import steps, steps_with
from sessions.memory.listing import Place, scan
from sessions.memory.read import by_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sessions.db.transaction import Row, Transaction
    from sessions.memory.filters import Filter
    from sessions.memory.listing import Below, PayloadPage
    from sessions.memory.rows import MemoryRow

PAGE: Final = 512
"""Memories that are in this process at a time."""

_PART: Final = 2048
"""Memories that one part looks at."""

_PART_WITH: Final = 8192
"""The same where the database leaves out those without a fragment: that takes a quarter of the time."""


class Wanted(NamedTuple):
    """The wanted memories.

    Attributes:
        below: Where.
        compiled: The filter.
        matches: Tells whether a memory matches it; raises the user's error if it cannot be read.
        check: Raises that for the first of some memories that cannot be read.
        may_be_sealed: Whether memories may be encrypted, so that `matches` decides about each.
        fragment: A text in the payloads of all that match, if the database may leave out the others. Then memories are
            counted as looked at that the database looked at.
    """

    below: Below
    compiled: Filter
    matches: Callable[[MemoryRow], bool]
    check: Callable[[PayloadPage], None]
    may_be_sealed: bool
    fragment: str | None = None


class Part(NamedTuple):
    """The result of a part.

    Attributes:
        ids: The ids of the memories that match, in the order of lists.
        rows: The memories themselves, if they were asked for.
        place: Where to go on; ``None`` at the end.
        looked: How many memories were looked at.
    """

    ids: list[int]
    rows: list[MemoryRow]
    place: Place | None
    looked: int


class Begin(Command[Part], msgspec.Struct, frozen=True, eq=False):
    """Look for the first memories behind a place that match.

    Attributes:
        wanted: The wanted memories.
        after: The place; ``None`` for the beginning.
        limit: The number of them at most.
        whole: Whether the memories themselves are asked for.
    """

    wanted: Wanted
    after: Place | None
    limit: int
    whole: bool

    def __call__(self, tx: Transaction) -> Part:
        """Do it in `tx`."""
        below = self.wanted.below
        ids = candidates(tx, below.low, below.high, self.wanted.compiled)
        if ids is None:
            return go_on(tx, self.wanted, self.after, self.limit, whole=self.whole)
        return self.among(by_ids(tx, ids, below.now, below.owner), len(ids))

    def among(self, candidates: Iterable[Iterable[MemoryRow]], looked: int) -> Part:
        """Return the part that some live candidates make, which come in any order and have all matches."""
        found: list[MemoryRow] = []
        for rows in candidates:
            some = (row for row in rows if self._is_behind(row) and self.wanted.matches(row))
            found = nsmallest(self.limit, [*found, *some], key=_place)
        return Part([row.id for row in found], found, None, looked)

    def _is_behind(self, row: MemoryRow) -> bool:
        return self.after is None or _place(row) > self.after


def go_on(tx: Transaction, wanted: Wanted, after: Place | None, limit: int, *, whole: bool) -> Part:
    """Go on looking behind a place."""
    if wanted.may_be_sealed:
        return _go_on_sealed(tx, wanted, after, limit)
    ids: list[int] = []
    looked, most = 0, _PART
    looking = steps(tx, wanted.below, after, PAGE)
    if wanted.fragment is not None:
        looking, most = steps_with(tx, wanted.below, after, wanted.fragment), _PART_WITH
    for step in looking:
        for page in step.pages:
            found = _matching(page, wanted)
            rest = limit - len(ids)
            ids += [row[0] for row in found[:rest]]
            if len(found) >= rest:
                last = found[rest - 1]
                looked += page.rows.index(last) + 1
                return _part(tx, wanted.below, ids, Place(page.path, text_of_key(last[1])), looked, whole=whole)
        looked += step.looked
        if looked >= most:
            return _part(tx, wanted.below, ids, step.place, looked, whole=whole)
    return _part(tx, wanted.below, ids, None, looked, whole=whole)


def _matching(page: PayloadPage, wanted: Wanted) -> list[Row]:
    if page.wrapped_keys is not None:
        wanted.check(page)
    matches = wanted.compiled.matches
    try:
        return [row for row in page.rows if matches(row[2])]
    except (ValueError, RecursionError):
        wanted.check(page)
        raise


def _go_on_sealed(tx: Transaction, wanted: Wanted, after: Place | None, limit: int) -> Part:
    found: list[MemoryRow] = []
    looked, place = 0, after
    for rows in scan(tx, wanted.below, after, PAGE):
        for row in rows:
            looked += 1
            if wanted.matches(row):
                found.append(row)
                if len(found) == limit:
                    return Part([one.id for one in found], found, _place(row), looked)
        place = _place(rows[-1]) if rows else place
        if looked >= _PART:
            return Part([one.id for one in found], found, place, looked)
    return Part([one.id for one in found], found, None, looked)


def _part(tx: Transaction, below: Below, ids: list[int], place: Place | None, looked: int, *, whole: bool) -> Part:
    found = [row for rows in by_ids(tx, ids, below.now, below.owner) for row in rows] if whole else []
    return Part(ids, sorted(found, key=_place), place, looked)


def _place(row: MemoryRow) -> Place:
    return Place(row.path, row.name)

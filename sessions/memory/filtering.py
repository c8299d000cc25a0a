"""Looking for memories that a filter wants, in parts of some milliseconds: between two, others have their turn.

If declared fields leave few candidates, these are looked at. Otherwise all memories are, in the order of lists.
"""

from __future__ import annotations

from heapq import nsmallest
from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.db.lists import parts
from sessions.memory.candidates import candidates
from sessions.memory.listing import Place, scan
from sessions.memory.rows import MemoryRow
from sessions.memory.statements import filtering as statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sessions.db.transaction import Transaction
    from sessions.memory.filters import Filter
    from sessions.memory.listing import Below

PAGE: Final = 512
"""Memories that are in this process at a time."""

_PART: Final = 2048
"""Memories that one part looks at."""


class Wanted(NamedTuple):
    """What is looked for.

    Attributes:
        below: Where.
        compiled: The filter.
        matches: Tells whether a memory matches it.
    """

    below: Below
    compiled: Filter
    matches: Callable[[MemoryRow], bool]


class Part(NamedTuple):
    """The result of a part.

    Attributes:
        rows: The memories that match, in the order of lists.
        place: Where to go on; ``None`` at the end.
        looked: How many memories were looked at.
    """

    rows: list[MemoryRow]
    place: Place | None
    looked: int


def begin(tx: Transaction, wanted: Wanted, after: Place | None, limit: int) -> Part:
    """Look for the first memories behind a place, up to `limit`."""
    below = wanted.below
    ids = candidates(tx, below.low, below.high, wanted.compiled)
    if ids is None:
        return go_on(tx, wanted, after, limit)
    found: list[MemoryRow] = []
    for rows in _by_id(tx, below, ids):
        some = (row for row in rows if (after is None or _place(row) > after) and wanted.matches(row))
        found = nsmallest(limit, [*found, *some], key=_place)
    return Part(found, None, len(ids))


def go_on(tx: Transaction, wanted: Wanted, after: Place | None, limit: int) -> Part:
    """Go on looking behind a place."""
    found: list[MemoryRow] = []
    looked, place = 0, after
    for rows in scan(tx, wanted.below, after, PAGE):
        for row in rows:
            looked += 1
            if wanted.matches(row):
                found.append(row)
                if len(found) == limit:
                    return Part(found, _place(row), looked)
        if looked >= _PART:
            return Part(found, _place(rows[-1]) if rows else place, looked)
        place = _place(rows[-1]) if rows else place
    return Part(found, None, looked)


def _by_id(tx: Transaction, below: Below, ids: list[int]) -> Iterator[list[MemoryRow]]:
    owner = {"owner": below.owner} if below.is_owned else {}
    for values in parts("m", statements.AT_ONCE, ids):
        rows = tx.all(statements.memories_by_id(owned=below.is_owned), now=below.now, **owner, **values)
        yield list(map(MemoryRow.of, rows))


def _place(row: MemoryRow) -> Place:
    return Place(row.path, row.name)

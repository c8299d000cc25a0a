"""A branch's head, and the way back along its lineage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sessions.log import statements
from sessions.log.schema import SEGMENT_SHIFT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessions.log.transaction import Row, Statement, Transaction

MAIN = "main"
"""The name of a session's first branch."""

EVERYTHING = 1 << 62
"""More entries than there can be, where a statement wants a count."""


class Head(NamedTuple):
    """Where a branch ends.

    Attributes:
        session: The session's internal id.
        branch: The branch's name, or ``None`` if the session has no entries.
        segment: The segment that the branch extends.
        tip: The position of the last entry.
        turn: The number of turns up to the tip.
        floor: Entries of `segment` at or below this position may be seen by other branches.
        parent: The segment from which `segment` was forked, if it was.
        fork_position: The last position that `segment` inherits.
    """

    session: int
    branch: str | None
    segment: int
    tip: int
    turn: int
    floor: int
    parent: int | None
    fork_position: int


def find_head(tx: Transaction, session_id: str, branch: str | None = None) -> Head | None:
    """Return the head of a branch (the session's current one unless named), or ``None`` without such a session."""
    row = tx.one(statements.HEAD, session_id=session_id, branch=branch)
    return None if row is None else Head(*row)


def lineage(tx: Transaction, head: Head) -> Iterator[tuple[int, int]]:
    """Yield each segment that a branch sees and the last position it sees there, the newest first."""
    if head.branch is None:
        return
    segment, high, parent, fork_position = head.segment, head.tip, head.parent, head.fork_position
    while True:
        yield segment, high
        if parent is None:
            return
        segment, high = parent, min(high, fork_position)
        origin: Any = tx.one(statements.SEGMENT_ORIGIN, segment=segment)
        parent, fork_position = origin


def walk_back(tx: Transaction, head: Head, count: int, statement: Statement) -> Iterator[tuple[int, list[Row]]]:
    """Yield a branch's entries in pages, the newest first, each with the segment it is from.

    Args:
        tx: A transaction.
        head: Where to begin.
        count: How many are wanted: so many are asked for at once, and then again if the caller goes on.
        statement: What to fetch; its first column is the entry's id.
    """
    for segment, high in lineage(tx, head):
        low = segment << SEGMENT_SHIFT
        last = low + high
        while True:
            found = 0
            for rows in tx.pages(statement, low=low, high=last, count=count):
                if rows:
                    found += len(rows)
                    last = rows[-1][0] - 1
                    yield segment, rows
            if found < count:
                break


def position_of(entry: int) -> int:
    """Return the position in an entry's id."""
    return entry & ((1 << SEGMENT_SHIFT) - 1)

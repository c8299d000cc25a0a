"""Deleting entries that no branch can see any more, after one was moved back or removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sessions.db.ids import POSITION_BITS
from sessions.log.core.damage import read_segments, read_tips
from sessions.log.core.entry_rows import delete_entries, forget_segment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessions.db.transaction import Transaction


class Seen(NamedTuple):
    """The parts of a session's segments that its tips can see.

    Attributes:
        origins: Each segment's parent and fork position.
        highest: The highest position of each segment that is seen; segments that no tip leads to are missing.
    """

    origins: dict[int, tuple[int | None, int]]
    highest: dict[int, int]


def find_seen(tx: Transaction, session: int) -> Seen:
    """Return the parts that are visible now. The cost depends on the numbers of tips and of segments."""
    segments = read_segments(tx, session)
    origins = {segment: (parent, fork) for segment, (parent, fork, *_) in segments.items()}
    tips = ((segment, tip) for _, segment, tip, *_ in read_tips(tx, session, segments))
    return Seen(origins, reach(origins, tips))


def collect(tx: Transaction, session: int, before: Seen) -> None:
    """Delete entries that were visible `before` and no longer are."""
    after = find_seen(tx, session)
    for low, high in lost(before, after):
        delete_entries(tx, low, high)
    for segment in before.highest.keys() - after.highest.keys():
        forget_segment(tx, segment)


def lost(before: Seen, after: Seen) -> list[tuple[int, int]]:
    """Return the ranges of ids, beyond the first and up to the second, that were visible before and no longer are."""
    return [
        ((segment << POSITION_BITS) + kept, (segment << POSITION_BITS) + high)
        for segment, high in before.highest.items()
        if (kept := after.highest.get(segment, 0)) < high
    ]


def reach(origins: dict[int, tuple[int | None, int]], tips: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return the highest position of each segment that some tips see; segments that none sees are missing."""
    highest: dict[int, int] = {}
    for start, tip in tips:
        segment: Any = start
        high = tip
        while segment in origins and highest.get(segment, -1) < high:
            highest[segment] = high
            segment, fork = origins[segment]
            high = min(high, fork)
    return highest

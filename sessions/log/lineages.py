"""The lineages of all tips of a session at once: what many tips have in common is walked once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.log import statements
from sessions.log.branch import Stretch
from sessions.log.schema import SEGMENT_SHIFT

if TYPE_CHECKING:
    from sessions.log.transaction import Transaction


class Lineages:
    """A session's segments, in memory."""

    def __init__(self, tx: Transaction, session: int) -> None:
        self._origins: dict[int, list[Any]] = {
            segment: origin for segment, *origin in tx.all(statements.ORIGINS, session=session)
        }
        self._below: dict[tuple[int, int], Stretch] = {}

    def entry_at(self, segment: int, position: int) -> int:
        """Return the id of the entry at a position that is seen from a segment; 0 for that before the first."""
        at: int | None = segment
        while at in self._origins:
            parent, low, *_ = self._origins[at]
            if low < position:
                return (at << SEGMENT_SHIFT) + position
            at = parent
        return 0

    def holding(self, segment: int, tip: int, turn: int) -> Stretch:
        """Return the newest stretch of a tip's lineage up to whose beginning there are not more turns than `turn`."""
        at, high = segment, tip
        passed: list[tuple[int, int]] = []
        found = None
        while found is None:
            parent, low, turns, _ = self._origins[at]
            if low < high:
                if turns <= turn:
                    found = Stretch(at, low, high, turns)
                else:
                    # Seen to its beginning, it is the same way on from here for every tip.
                    found = self._below.get((at, turn))
                    passed.append((at, turn))
            at, high = parent, min(high, low)
        self._below.update(dict.fromkeys(passed, found))
        return found

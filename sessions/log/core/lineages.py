"""The lineages of all tips of a session at once: common parts are walked once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.db.ids import POSITION_BITS, owner_of, position_of
from sessions.log.core.damage import read_segments
from sessions.log.core.heads import Stretch
from sessions.log.statements import entries as entry_statements

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction


class Lineages:
    """A session's segments, in memory.

    Args:
        tx: A transaction.
        session: The session's internal id.
        visible: The parameters of statements that leave expired entries out.
        uneven: Whether every segment may have fewer entries than positions, as for a reader with a time to live; else
            the segments tell.

    Attributes:
        origins: The result of `read_segments`.

    Raises:
        DamagedSessionError: They are impossible.
    """

    def __init__(self, tx: Transaction, session: int, visible: dict[str, int], *, uneven: bool) -> None:
        self._visible = visible
        self._uneven = uneven
        self._last: dict[int, int] = {}
        self.origins = read_segments(tx, session)
        self._below: dict[tuple[int, int], Stretch] = {}

    def entry_at(self, segment: int, position: int) -> int:
        """Return the id of the entry at a position that is seen from a segment; 0 for that before the first."""
        at: int | None = segment
        while at in self.origins:
            parent, low, *_ = self.origins[at]
            if low < position:
                return (at << POSITION_BITS) + position
            at = parent
        return 0

    def is_uneven(self, segment: int) -> bool:
        """Tell whether an entry that a segment sees may be gone, or have expired."""
        at: int | None = segment
        while at in self.origins and not self._uneven:
            parent, _, _, holes = self.origins[at]
            if holes:
                return True
            at = parent
        return self._uneven

    def last_entry(self, tx: Transaction, segment: int, position: int) -> int:
        """Return the id of the last entry there is up to a position that is seen from a segment; 0 without any."""
        entry = self.entry_at(segment, position)
        if entry not in self._last:
            self._last[entry] = self._find_last(tx, entry)
        return self._last[entry]

    def _find_last(self, tx: Transaction, entry: int) -> int:
        while entry:
            segment, position = owner_of(entry), position_of(entry)
            parent, low, _, holes = self.origins[segment]
            if not (holes or self._uneven):
                return entry
            base = segment << POSITION_BITS
            row = tx.the(entry_statements.LAST_ENTRY, low=base + low, high=base + position, **self._visible)
            if row[0] is not None:
                return int(row[0])
            entry = 0 if parent is None else self.entry_at(parent, low)
        return 0

    def holding(self, segment: int, tip: int, turn: int) -> Stretch:
        """Return the newest stretch of a tip's lineage up to whose beginning there are not more turns than `turn`."""
        at, high = segment, tip
        passed: list[tuple[int, int]] = []
        found = None
        while found is None:
            parent, low, turns, _ = self.origins[at]
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


def stretches_of(origins: dict[int, list[Any]], segment: int, tip: int) -> list[Stretch]:
    """Return the parts of segments that a tip sees, the newest first, from the result of `read_segments`."""
    found: list[Stretch] = []
    at: int | None = segment
    high = tip
    while high > 0 and at in origins:
        parent, low, turn, _ = origins[at]
        if low < high:
            found.append(Stretch(at, low, high, turn))
        at, high = parent, min(low, high)
    return found

"""Which turns of a session's tree are read where there are more than wanted, decided without reading an entry.

The branch that is read gets half of them, its latest ones; the rest is for the other ways, the one that was last
active first. How many turns a segment holds is known from its tips and from the segments that were forked from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sessions.log.core.heads import Stretch
from sessions.log.core.turns import turn_start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.db.transaction import Row, Transaction


class _Run(NamedTuple):
    """Turns of a segment: behind `after`, or from its beginning if that is -1, up to `turn`."""

    segment: int
    after: int
    turn: int
    number: int
    own: bool


class Reading:
    """Which turns of which segments are read.

    Args:
        segments: The result of `read_segments`.
        tips: The rows of all tips.
        branch: The branch that is read.
        max_turns: How many turns are read at most; all if ``None``.

    Attributes:
        left_out: How many turns are not read.
    """

    def __init__(self, segments: dict[int, list[Any]], tips: Sequence[Row], branch: str, max_turns: int | None) -> None:
        self.left_out = 0
        self._segments = segments
        # Of each segment, the turns up to the highest position that is seen.
        self._tops: dict[int, int] = {}
        # Of each segment, which turns are read: behind one, up to another one. Without any segment, all are.
        self._read: dict[int, list[tuple[int, int]]] = {}
        runs = self._runs(tips, branch)
        others = sum(run.number for run in runs if not run.own)
        if max_turns is None or sum(run.number for run in runs) <= max_turns:
            return
        left = max(max_turns - others, (max_turns + 1) // 2)
        rest = max_turns
        for run in runs:
            taken = min(run.number, left if run.own else rest, rest)
            left -= taken if run.own else 0
            rest -= taken
            self.left_out += run.number - taken
            read = self._read.setdefault(run.segment, [])
            if taken:
                read.append((run.after if taken == run.number else run.turn - taken, run.turn))

    def _runs(self, tips: Sequence[Row], branch: str) -> list[_Run]:
        """Return the parts of segments that the branch sees, then those that other tips add, the latest first."""
        runs = []
        for name, segment, tip, turn, *_ in sorted(tips, key=lambda row: (row[0] != branch, -row[12])):
            at, high, turns = segment, tip, turn
            while at in self._segments:
                parent, low, before, _ = self._segments[at]
                if high > low:
                    top = self._tops.get(at, -1)
                    if top >= turns:
                        break
                    number = max(1, turns - before) if top < 0 else turns - top
                    runs.append(_Run(at, top, turns, number, name == branch))
                    self._tops[at] = turns
                at, high, turns = parent, min(high, low), min(turns, before)
        return runs

    def reads(self, segment: int, turn: int) -> bool:
        """Tell whether a turn of a segment is read."""
        return not self._read or any(after < turn <= last for after, last in self._read.get(segment, []))

    def ranges(self, tx: Transaction, segment: int, low: int, high: int) -> list[tuple[int, int]]:
        """Return the positions of a segment that are read, between two: behind one, up to another one, in order."""
        if not self._read:
            return [(low, high)]
        before = self._segments[segment][2]
        there = [Stretch(segment, low, high, before)]
        found = []
        for after, last in sorted(self._read.get(segment, [])):
            first = low if after < before else turn_start(tx, there, after + 1) - 1
            end = high if last >= self._tops[segment] else turn_start(tx, there, last + 1) - 1
            found.append((first, end))
        return found

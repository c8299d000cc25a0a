"""The siblings of all turns of a branch, from one read of where turns begin and end.

A tip and the branch have a beginning in common; in the first turn in which either has something beyond it, and in no
other one, the tip may be a sibling. So each tip is looked at once, and the common part of many tips is walked once.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple

from sessions.db.ids import POSITION_BITS, owner_of, position_of
from sessions.log.core.entry_ids import EntryId, find_entry_ids
from sessions.log.core.heads import find_head, lineage
from sessions.log.core.turns import turn_start
from sessions.log.history.siblings import as_siblings
from sessions.log.history.ways import by_activity, lineages_of, tips_of
from sessions.log.statements import entries as entry_statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.heads import Head, Stretch
    from sessions.log.core.lineages import Lineages
    from sessions.log.history.ways import Tip
    from sessions.types import Sibling

_NEVER = 1 << 62
"""A turn that no tip has."""

_EARLIER = -1
"""The turn of ways that leave the branch before the turns that are read."""


def list_all_siblings(
    tx: Transaction, conversation: Conversation, branch: str | None, max_turns: int | None = None
) -> dict[int, list[Sibling]]:
    """Return the siblings of each turn that a branch still has, as `list_siblings` does for one turn.

    With `max_turns`, only of that many at the end; older items are not read, on whatever branch.

    Raises:
        UnknownBranchError: The session has no such branch.
    """
    head = find_head(tx, conversation, branch)
    if head is None:
        return {}
    before = 0 if max_turns is None else max(0, head.turn - max_turns)
    shape = _Shape(tx, head, lineages_of(tx, conversation, head), before)
    beside: dict[int, dict[int, list[Tip]]] = {}
    along: list[tuple[int, Tip]] = []
    for tip in tips_of(tx, shape.lineages, head):
        found = shape.leaves(tip)
        turn, end = found.turn, found.end or found.base
        along.append((min(turn - 1, tip.turn), tip))
        if turn <= tip.turn and turn in shape.ends and (found.end or shape.turn_of_base(found) == turn):
            beside.setdefault(turn, {}).setdefault(end, []).append(tip)
    ids = shape.ids(end for ways in beside.values() for end in ways)
    others = {turn: {end: by_activity(tips) for end, tips in ways.items()} for turn, ways in beside.items()}
    return {
        turn: as_siblings(head, turn, {**others.get(turn, {}), shape.ends[turn]: tips}, ids)
        for turn, tips in _along(along, shape.ends, head.branch)
    }


def _along(along: list[tuple[int, Tip]], turns: dict[int, int], branch: str) -> list[tuple[int, list[Tip]]]:
    """Return for each turn, from the first one, the tips that tell of the branch's own way there.

    That is the one that was last active of those that share it, the first branch among them, and all that are pending.
    """
    along.sort(key=lambda one: one[0])
    found = []
    best: list[Tip] = []
    for turn in sorted(turns, reverse=True):
        if along and along[-1][0] >= turn:
            while along and along[-1][0] >= turn:
                best.append(along.pop()[1])
            best = by_activity(best)
            named = next((tip for tip in best if not tip.is_left), None)
            # Of the rest nothing is told.
            best = [tip for tip in best if tip in {best[0], named} or tip.pending or tip.name == branch]
        found.append((turn, best))
    return found[::-1]


class _Leaves(NamedTuple):
    """Where a way leaves the branch.

    Attributes:
        position: The last position that both have.
        base: The id of the last item up to there; 0 without any.
        turn: The first turn in which either has an item beyond.
        end: The id of the way's last item in this turn, beyond; 0 without any.
    """

    position: int
    base: int
    turn: int = _NEVER
    end: int = 0


class _Shape:
    """Where the turns of all segments begin and end.

    Args:
        tx: A transaction.
        head: Where the branch ends.
        lineages: The session's segments.
        before: The last turn of the branch that is not read, of whose ways none leaves later than it ends.

    Attributes:
        lineages: The session's segments.
        ends: The id of the last item of each turn of the branch of which one is left.
    """

    def __init__(self, tx: Transaction, head: Head, lineages: Lineages, before: int) -> None:
        self.lineages = lineages
        self._tx = tx
        self._groups: dict[int, list[tuple[int, int, int]]] = {}
        self._versions: dict[int, int] = {}
        stretches = lineage(tx, head)
        # The position of the last item before the turns that are read: ways that leave the branch earlier are left out.
        self._after = 0
        if before:
            begin = turn_start(tx, stretches, before + 1)
            self._after = position_of(lineages.last_entry(tx, head.segment, begin - 1))
        for first, last, turn, version in tx.all(
            entry_statements.TURNS_OF_SESSION, session=head.session, after=self._after, **head.reader.visible
        ):
            self._groups.setdefault(owner_of(first), []).append((turn, first, last))
            self._versions[last] = version
        self._on: dict[int, Stretch] = {stretch.segment: stretch for stretch in stretches}
        self.ends: dict[int, int] = {}
        self._own: list[tuple[int, int]] = []
        for stretch in reversed(self._on.values()):
            for turn, _, last in self._between(stretch.segment, stretch.low, stretch.high):
                self.ends[turn] = last
                self._own.append((position_of(last), turn))
        self.ends.pop(0, None)
        self._known: dict[int, _Leaves] = {}

    def leaves(self, tip: Tip) -> _Leaves:
        """Return where the way to a tip leaves the branch."""
        passed: list[tuple[int, int]] = []
        at: Any = tip.segment
        high = tip.tip
        found: _Leaves | None = None
        while found is None:
            passed.append((at, high))
            if at in self._known and self._begins_below(at, high):
                found = self._known[at]
            elif at in self._on or at not in self.lineages.origins:
                found = self._left(at, high)
            else:
                parent, low, *_ = self.lineages.origins[at]
                at, high = parent, min(high, low)
        for segment, top in reversed(passed):
            if segment not in self._on and self._begins_below(segment, top):
                self._known.setdefault(segment, found)
            found = self._further(found, segment, top)
        return found

    def _begins_below(self, segment: int, high: int) -> bool:
        """Tell whether a way up to a position has all that a segment has in common with its parent.

        After `pop_item` or `rewind`, a tip may lie before the place where its segment begins.
        """
        return segment in self.lineages.origins and high >= self.lineages.origins[segment][1]

    def turn_of_base(self, found: _Leaves) -> int:
        """Return the turn of the last item that a way has in common with the branch; -1 without any."""
        is_read = found.base and position_of(found.base) > self._after
        return self._own[bisect_left(self._own, (position_of(found.base), -1))][1] if is_read else -1

    def ids(self, ends: Any) -> dict[int, str]:
        """Return the ids that users see, of the branch's ends and of others."""
        wanted = {*self.ends.values(), *ends}
        cut = find_entry_ids(self._tx, wanted - self._versions.keys())
        return {end: (cut[end] if end in cut else EntryId(end, self._versions[end])).text for end in wanted}

    def _left(self, segment: int, high: int) -> _Leaves:
        """Return where a way leaves that goes through a segment of the branch, or that has nothing."""
        stretch = self._on.get(segment)
        position = 0 if stretch is None else min(high, stretch.high)
        if position < self._after:
            return _Leaves(position, 0, _EARLIER)
        base = self.lineages.last_entry(self._tx, segment, position) if position else 0
        at = bisect_right(self._own, (position, _NEVER))
        return _Leaves(position, base, self._own[at][1] if at < len(self._own) else _NEVER)

    def _further(self, found: _Leaves, segment: int, high: int) -> _Leaves:
        """Return the same for a way that goes on through a segment up to a position."""
        if segment not in self.lineages.origins:
            return found
        low = max(found.position, self.lineages.origins[segment][1])
        for turn, _, last in self._between(segment, low, high):
            if turn > found.turn:
                break
            found = found._replace(turn=turn if not found.end else found.turn, end=last)
        return found

    def _between(self, segment: int, low: int, high: int) -> Iterator[tuple[int, int, int]]:
        """Yield turn, first and last item of each turn that has some between two positions of a segment."""
        base = segment << POSITION_BITS
        groups = self._groups.get(segment, [])
        for at in range(bisect_left(groups, base + low + 1, key=lambda group: group[2]), len(groups)):
            turn, begin, last = groups[at]
            if low >= high or begin > base + high:
                return
            yield turn, begin, last if last <= base + high else self.lineages.last_entry(self._tx, segment, high)

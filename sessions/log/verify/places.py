"""Checking the shape of a session: its segments form lineages, and its branches end, grow and reach where they say."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from sessions.clock import FIRST, NEVER
from sessions.db.ids import MAX_OWNER, MAX_POSITION, id_of, owner_of, position_of
from sessions.log.core.gc import reach
from sessions.log.core.heads import MAIN
from sessions.log.words import TipRow
from sessions.types.verify import Finding, found
from sessions.validation import MAX_NAME_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sessions.types.verify import FindingCode

    _Wrong: TypeAlias = tuple[FindingCode, str]


class Segment(NamedTuple):
    """A segment, with the ids of the first and the last of its entries."""

    id: int
    parent: int | None
    fork_position: int
    turn: int
    holes: int
    first: int | None
    last: int | None


class Places:
    """The segments and the branches of one session.

    Args:
        version: The session's version.
        segments: Its segments, as rows.
        branches: Its branches and the tips that they left, as rows.
    """

    def __init__(self, version: int, segments: Sequence[Sequence[Any]], branches: Sequence[Sequence[Any]]) -> None:
        self._version = version
        self._segments = {row[0]: Segment(*row) for row in segments}
        self._tips = [TipRow(*row) for row in branches]
        self._names = {tip.name for tip in self._tips}
        origins = {segment.id: (segment.parent, segment.fork_position) for segment in self._segments.values()}
        self._seen = reach(origins, ((tip.segment, tip.tip) for tip in self._tips))

    def entry_at(self, segment: int | None, position: int) -> int:
        """Return the id of the entry at a position that is seen from a segment; 0 if there can be none."""
        below = segment
        while position > 0 and below in self._segments:
            at = self._segments[below]
            if position > at.fork_position:
                return id_of(at.id, position) if 0 < at.id <= MAX_OWNER and position <= MAX_POSITION else 0
            below = at.parent if at.parent is not None and at.parent < at.id else None
        return 0

    def needed_entries(self) -> Iterator[int]:
        """Yield the ids of the entries at which branches end and segments fork off."""
        for tip in self._tips:
            yield self.entry_at(tip.segment, tip.tip)
        for segment in self._segments.values():
            yield self.entry_at(segment.parent, segment.fork_position)

    def check(self, turns: Mapping[int, int], session_id: str | None, leases: int) -> Iterator[Finding]:
        """Yield the damage.

        Args:
            turns: The turns of those of `needed_entries` that are there.
            session_id: The session, for findings.
            leases: The last number that the session gave to a lease.
        """
        found_here = _Finder(session_id)
        for segment in self._segments.values():
            yield from found_here.of_segment(segment, self._check_segment(segment, turns))
        for tip in self._tips:
            yield from found_here.of_tip(tip, self._check_columns(tip, leases))
            yield from found_here.of_tip(tip, self._check_end(tip, turns))
        yield from self._check_growth(found_here)

    def _check_segment(self, segment: Segment, turns: Mapping[int, int]) -> list[_Wrong]:
        parent = None if segment.parent is None else self._segments.get(segment.parent)
        fork, is_root = segment.fork_position, segment.parent is None
        is_older = parent is not None and parent.id < segment.id
        is_inside = is_older and parent is not None and parent.fork_position < fork <= MAX_POSITION
        # Once all branches have gone back behind it, the entry there goes, or another one takes its place.
        is_seen = is_inside and self._seen.get(segment.id, 0) >= fork
        entry = self.entry_at(segment.parent, fork) if is_seen else 0
        has_holes = parent is not None and bool(parent.holes)
        return _those(
            (not 0 < segment.id <= MAX_OWNER, "lineage-broken", "Its number is out of range."),
            (segment.holes not in {0, 1}, "flag-wrong", "Its flag for holes is neither 0 nor 1."),
            (is_root and fork != 0, "lineage-broken", "It forks off at a position, and has no parent."),
            (
                not is_root and parent is None,
                "lineage-broken",
                "Its parent is missing, or belongs to another session.",
            ),
            (
                parent is not None and not is_older,
                "lineage-broken",
                "Its parent is not older than itself: lineages would have no end.",
            ),
            (is_older and not is_inside, "lineage-broken", "It forks off outside its parent."),
            (
                is_seen and entry not in turns and not has_holes,
                "entry-missing",
                "The entry at which it forks off is missing.",
            ),
            (
                turns.get(entry, segment.turn) != segment.turn,
                "turn-wrong",
                "Its number of turns is not that of the entry at which it forks off.",
            ),
            (not 0 <= segment.turn <= max(fork, 0), "turn-wrong", "Its number of turns is impossible."),
        )

    def _check_columns(self, tip: TipRow, leases: int) -> list[_Wrong]:
        names, version = {*self._names, MAIN}, self._version
        forked_at, forked_turn = tip.forked_at or 0, tip.forked_turn or 0
        return _those(
            (
                not 0 < len(tip.name.encode(errors="replace")) <= MAX_NAME_BYTES,
                "branch-broken",
                "Its name cannot be one.",
            ),
            (
                not (FIRST <= tip.created_at <= NEVER and FIRST <= tip.updated_at <= NEVER),
                "impossible-value",
                "It has an impossible time.",
            ),
            (
                not (0 <= tip.made_in <= version and 0 <= tip.changed_in <= version),
                "impossible-value",
                "It was made or changed in a version that never was.",
            ),
            (
                not {tip.may_extend, tip.pending, tip.lease_open} <= {0, 1},
                "flag-wrong",
                "One of its flags is neither 0 nor 1.",
            ),
            (
                tip.is_left != (tip.reflog_of is not None),
                "left-tip-wrong",
                "Its name and its column reflog_of disagree on whether it is a branch.",
            ),
            (
                tip.reflog_of is not None and tip.reflog_of not in names,
                "left-tip-wrong",
                "The branch that left it is missing.",
            ),
            (tip.pending and tip.reflog_of is None, "left-tip-wrong", "A branch cannot be waiting for redo."),
            (
                tip.forked_from is not None and tip.forked_from not in names,
                "wrong-reference",
                "The branch from which it was made is missing.",
            ),
            (
                not 0 <= forked_turn <= forked_at <= MAX_POSITION,
                "impossible-value",
                "The place from which it was made is impossible.",
            ),
            (
                not 0 <= tip.lease_token <= leases or not 0 <= tip.lease_from <= MAX_POSITION,
                "lease-wrong",
                "It has a lease that was never given.",
            ),
            (
                not 0 <= tip.lease_until <= NEVER or (tip.lease_until and not tip.lease_token),
                "lease-wrong",
                "The end of its lease is impossible.",
            ),
        )

    def _check_end(self, tip: TipRow, turns: Mapping[int, int]) -> list[_Wrong]:
        segment = self._segments.get(tip.segment)
        is_empty = tip.segment == 0 and tip.tip == 0
        entry = self.entry_at(tip.segment, tip.tip)
        holding = self._segments.get(owner_of(entry))
        has_holes = holding is not None and bool(holding.holes)
        is_possible = 0 <= tip.tip <= MAX_POSITION
        return _those(
            (
                segment is None and not is_empty,
                "branch-broken",
                "Its segment is missing, or belongs to another session.",
            ),
            (
                segment is not None and (segment.parent, segment.fork_position) != (tip.parent, tip.fork_position),
                "branch-broken",
                "It forks off elsewhere than its segment.",
            ),
            (not is_possible, "tip-wrong", "It ends at an impossible position."),
            (
                is_possible and segment is not None and tip.tip and entry not in turns and not has_holes,
                "tip-wrong",
                "The entry with which it ends is missing.",
            ),
            (
                turns.get(entry, tip.turn) != tip.turn,
                "turn-wrong",
                "Its number of turns is not that of its last entry.",
            ),
            (not 0 <= tip.turn <= max(tip.tip, 0), "turn-wrong", "Its number of turns is impossible."),
            (not 0 <= tip.floor <= MAX_POSITION, "floor-wrong", "Its floor is impossible."),
        )

    def _check_growth(self, found_here: _Finder) -> Iterator[Finding]:
        """Check the part of the segments that branches see, and that none removes or overwrites others' entries."""
        seen = self._seen
        growing = {tip.segment: tip for tip in self._tips if tip.grows}
        yield from self._check_alone(found_here)
        for segment in self._segments.values():
            last = 0 if segment.last is None else position_of(segment.last)
            tip = growing.get(segment.id)
            if tip is not None and last > tip.tip:
                says = "There are entries behind its end, where it would grow."
                yield from found_here.of_tip(tip, [("growth-wrong", says)])
            elif segment.id not in seen:
                # A row without entries may stay when a branch goes back to its beginning; it holds nothing.
                if last:
                    yield from found_here.of_segment(segment, [("unreachable", "No branch leads to its entries.")])
            elif last > seen[segment.id]:
                says = f"No branch leads to its entries behind position {seen[segment.id]}."
                yield from found_here.of_segment(segment, [("unreachable", says)])
        others = self._seen_by_others(growing, seen)
        for tip in growing.values():
            if tip.segment in self._segments and tip.tip < tip.fork_position:
                yield from found_here.of_tip(tip, [("growth-wrong", "It grows, and ends before its own segment.")])
            if not others.get(tip.segment, 0) <= tip.floor <= max(tip.tip, 0):
                says = f"Others see its segment up to {others.get(tip.segment, 0)}, which its floor does not say."
                yield from found_here.of_tip(tip, [("floor-wrong", says)])

    def _check_alone(self, found_here: _Finder) -> Iterator[Finding]:
        """Check that each segment is extended by one branch at most."""
        growing = sorted((tip for tip in self._tips if tip.grows), key=lambda tip: tip.segment)
        for first, second in pairwise(growing):
            if first.segment == second.segment:
                yield from found_here.of_tip(second, [("growth-wrong", f"It grows in the segment of {_label(first)}.")])

    def _seen_by_others(self, growing: Mapping[int, TipRow], seen: Mapping[int, int]) -> dict[int, int]:
        """Return up to which position of each segment others see it than the one that grows there."""
        others: dict[int, int] = {}
        for tip in self._tips:
            if growing.get(tip.segment) is not tip and tip.tip > tip.fork_position:
                others[tip.segment] = max(others.get(tip.segment, 0), tip.tip)
        for segment in self._segments.values():
            if segment.parent is not None and segment.id in seen:
                position = min(seen[segment.id], segment.fork_position)
                parent = self._segments.get(segment.parent)
                if parent is not None and position > parent.fork_position:
                    others[parent.id] = max(others.get(parent.id, 0), position)
        return others


def _those(*conditions: tuple[object, FindingCode, str]) -> list[_Wrong]:
    """Return the codes and texts of those conditions that are true."""
    return [(code, says) for is_wrong, code, says in conditions if is_wrong]


def needed_entries(places: Iterable[Places]) -> list[int]:
    """Return the ids of the entries that some sessions' checks need, each once."""
    return list({entry for of_session in places for entry in of_session.needed_entries() if entry})


def _label(tip: TipRow) -> str:
    """Return the name of a tip in a finding."""
    return f"a tip that branch {tip.reflog_of!r} left" if tip.is_left else f"branch {tip.name!r}"


class _Finder:
    """Makes findings about one session."""

    def __init__(self, session_id: str | None) -> None:
        self._session_id = session_id

    def of_segment(self, segment: Segment, wrong: Iterable[_Wrong]) -> Iterator[Finding]:
        """Yield the findings about a segment."""
        yield from self._of("segments", f"segment {segment.id}", wrong)

    def of_tip(self, tip: TipRow, wrong: Iterable[_Wrong]) -> Iterator[Finding]:
        """Yield the findings about a branch, or a tip that was left."""
        yield from self._of("branches", _label(tip), wrong)

    def _of(self, table: str, place: str, wrong: Iterable[_Wrong]) -> Iterator[Finding]:
        for code, says in wrong:
            yield found(code, says, session_id=self._session_id, table=table, place=place)

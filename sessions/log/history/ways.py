"""The ways that tips take through a turn, and the tips that lead through an entry.

Two tips took the same way in turn n if that turn ends with the same entry in both; they are compared only if the turn
before it ends with the same entry, too. Expired entries are left out: a turn ends with its last remaining entry, and a
fully expired way is skipped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sessions.db.ids import POSITION_BITS, owner_of, position_of
from sessions.log.core.damage import read_tips
from sessions.log.core.entry_ids import find_entry_ids, unknown_entry
from sessions.log.core.lineages import Lineages
from sessions.log.core.turns import turn_start
from sessions.log.statements import entries as entry_statements
from sessions.log.words import LEFT_TIP

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.entry_ids import EntryId
    from sessions.log.core.heads import Head


class Tip(NamedTuple):
    """A branch, or a tip that one left (its `owner`), with the number of turns up to there."""

    name: str
    owner: str | None
    segment: int
    tip: int
    turn: int
    pending: int
    updated_at: int
    changed_in: int

    @property
    def is_left(self) -> bool:
        """Whether it is no branch."""
        return self.name.startswith(LEFT_TIP)


def lineages_of(tx: Transaction, conversation: Conversation, head: Head) -> Lineages:
    """Return the lineages of all tips of a session."""
    return Lineages(tx, head.session, head.reader.visible, uneven=conversation.ttl is not None)


def tips_of(tx: Transaction, lineages: Lineages, head: Head) -> list[Tip]:
    """Return all tips of a session."""
    return [
        Tip(name, owner, segment, tip, turn, pending, updated_at, changed_in)
        for name, segment, tip, turn, owner, pending, *_, updated_at, changed_in in read_tips(
            tx, head.session, lineages.origins
        )
    ]


def by_activity(tips: list[Tip]) -> list[Tip]:
    """Return tips, the one that was last active first; where a branch is among equals, that one."""
    return sorted(tips, key=lambda tip: (tip.changed_in, not tip.is_left), reverse=True)


def leads_through(lineages: Lineages, tip: Tip, entry: int) -> bool:
    """Tell whether an entry is on the way to a tip."""
    position = position_of(entry)
    return position <= tip.tip and lineages.entry_at(tip.segment, position) == entry


def find_way(tx: Transaction, conversation: Conversation, lineages: Lineages, head: Head, wanted: EntryId) -> list[Tip]:
    """Return the tips that lead through an entry, the one that was last active first.

    If the entry ends its turn in some of them, as a listed sibling does, only those.

    Raises:
        UnknownEntryError: The session has no such entry, or no tip leads there.
    """
    there = (
        owner_of(wanted.entry) in lineages.origins and find_entry_ids(tx, [wanted.entry]).get(wanted.entry) == wanted
    )
    if there:
        turn = tx.the(entry_statements.LATEST_UP_TO, low=wanted.entry - 1, high=wanted.entry)[0]
        listed = ways_in_turn(tx, lineages, head, turn) if 1 <= turn <= head.turn + 1 else {}
        if wanted.entry in listed:
            return listed[wanted.entry]
    found = [tip for tip in tips_of(tx, lineages, head) if there and leads_through(lineages, tip, wanted.entry)]
    if not found:
        raise unknown_entry(conversation.session_id)
    return by_activity(found)


def ways_in_turn(tx: Transaction, lineages: Lineages, head: Head, turn: int) -> dict[int, list[Tip]]:
    """Return the tips by the entry with which a turn ends there, the tip that was last active first."""
    starts: dict[int, int] = {}

    def end_of(segment: int, tip: int, turns: int, turn: int) -> int:
        """Return the entry with which a turn ends."""
        if turn >= turns:
            return lineages.last_entry(tx, segment, tip)
        holding = lineages.holding(segment, tip, turn)
        key = holding.segment << POSITION_BITS | turn
        if key not in starts:
            starts[key] = turn_start(tx, [holding], turn + 1)
        return lineages.last_entry(tx, holding.segment, starts[key] - 1)

    before = end_of(head.segment, head.tip, head.turn, turn - 1)
    ways: dict[int, list[Tip]] = {}
    for tip in tips_of(tx, lineages, head):
        if tip.turn < turn or end_of(tip.segment, tip.tip, tip.turn, turn - 1) != before:
            continue
        end = end_of(tip.segment, tip.tip, tip.turn, turn)
        if end != before:
            ways.setdefault(end, []).append(tip)
    return {end: by_activity(tips) for end, tips in ways.items()}

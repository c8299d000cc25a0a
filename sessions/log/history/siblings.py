"""The ways in which a conversation went on in a turn or goes on from a branch's end, and choosing one of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from sessions.clock import as_time
from sessions.errors import BranchInUseError, TurnNotFoundError
from sessions.log.core.change_log import record_change
from sessions.log.core.changing import lock_head
from sessions.log.core.entry_ids import find_entry_ids, parse_entry_id, unknown_entry
from sessions.log.core.heads import NUMBERS, find_head, lineage
from sessions.log.core.item_keys import share_popped
from sessions.log.core.locking import bump_version
from sessions.log.core.reflog import keep_tip, redo_up_to, settle_ways_forward
from sessions.log.core.turns import EXPIRED, nearest_turns, turn_not_found
from sessions.log.history.ways import find_way, leads_through, lineages_of, ways_in_turn
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import records as record_statements
from sessions.log.statements import tips as tip_statements
from sessions.types import Sibling

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.entry_ids import EntryId
    from sessions.log.core.heads import Head
    from sessions.log.core.lineages import Lineages
    from sessions.log.core.locking import LockedSession
    from sessions.log.history.ways import Tip


def list_siblings(tx: Transaction, conversation: Conversation, turn: int | None, branch: str | None) -> list[Sibling]:
    """Return the ways that were taken in a turn (the last one unless given), in the order in which they came to be.

    Raises:
        TurnNotFoundError: The branch has no such turn.
        UnknownBranchError: The session has no such branch.
    """
    head = find_head(tx, conversation, branch)
    lineages = lineages_of(tx, conversation, head) if head else None
    wanted = turn
    if turn is None and head and lineages:
        wanted = head.turn
        if lineages.is_uneven(head.segment):
            wanted = next(iter(nearest_turns(tx, head.reader, lineage(tx, head), (0, head.tip), 1)), 0)
    if head is None or lineages is None or wanted is None or not 1 <= wanted <= head.turn:
        raise turn_not_found(conversation.session_id, head, f"turn {wanted or ''}".strip())
    ways = ways_in_turn(tx, lineages, head, wanted)
    if not any(tip.name == head.branch for tips in ways.values() for tip in tips):
        raise turn_not_found(conversation.session_id, head, f"turn {wanted}", EXPIRED)
    return as_siblings(head, wanted, ways, {end: found.text for end, found in find_entry_ids(tx, ways).items()})


def as_siblings(head: Head, turn: int, ways: dict[int, list[Tip]], ids: dict[int, str]) -> list[Sibling]:
    """Return the ways through a turn as users see them."""
    return [
        Sibling(
            turn,
            number,
            len(ways),
            any(tip.name == head.branch for tip in tips),
            next((tip.name for tip in tips if not tip.is_left), None),
            as_time(tips[0].updated_at),
            ids[end],
            any(tip.pending and tip.owner == head.branch for tip in tips),
        )
        for number, (end, tips) in enumerate(sorted(ways.items()), 1)
    ]


def list_ways_on(tx: Transaction, conversation: Conversation, branch: str | None) -> list[Sibling]:
    """Return the ways that go on where a branch ends, in the order in which they came to be.

    Raises:
        UnknownBranchError: The session has no such branch.
    """
    head = find_head(tx, conversation, branch)
    if head is None:
        return []
    lineages = lineages_of(tx, conversation, head)
    end = lineages.entry_at(head.segment, head.tip)
    found: list[Sibling] = []
    for turn in (head.turn, head.turn + 1):
        ways = ways_in_turn(tx, lineages, head, turn) if turn else {}
        on = {
            last: tips
            for last, tips in ways.items()
            if all(tip.tip > head.tip and (not end or leads_through(lineages, tip, end)) for tip in tips)
        }
        found += as_siblings(head, turn, on, {last: known.text for last, known in find_entry_ids(tx, on).items()})
    return [replace(way, number=number, count=len(found)) for number, way in enumerate(found, 1)]


def choose_sibling(
    tx: Transaction, conversation: Conversation, now: int, way: Sibling | str, branch: str | None, *, pinned: bool
) -> str:
    """Go on from where a way's conversation last went to; the way that is left stays a sibling.

    If that is on another branch, that one becomes the current one; else the branch itself moves.

    Returns:
        The branch that goes on there.

    Raises:
        BranchInUseError: It is on another branch, and the caller is pinned to this one.
        TurnNotFoundError: The sibling is not there any more.
        UnknownEntryError: No way leads through the entry with that id.
        UnknownBranchError: The session has no such branch.
    """
    head = lock_head(tx, conversation, now, branch)
    found = find_tips(tx, conversation, head, way)
    if any(tip.name == cast("Head", head).branch for tip in found):
        return cast("Head", head).branch
    return _go_to(tx, conversation, now, cast("Head", head), found[0], pinned=pinned)


def find_tips(tx: Transaction, conversation: Conversation, head: Head | None, way: Sibling | str) -> list[Tip]:
    """Return the tips of a sibling, or of the way through the entry with an id, the one that was last active first.

    Raises:
        TurnNotFoundError: The sibling is not there any more.
        UnknownEntryError: No way leads through the entry with that id.
    """
    session_id = conversation.session_id
    wanted = parse_entry_id(way if isinstance(way, str) else way.entry, session_id)
    if isinstance(way, str):
        if head is None:
            raise unknown_entry(session_id)
        return find_way(tx, conversation, lineages_of(tx, conversation, head), head, wanted)
    found = None
    if head is not None and 1 <= way.turn <= head.turn + 1:
        lineages = lineages_of(tx, conversation, head)
        found = _way_through(tx, lineages, ways_in_turn(tx, lineages, head, way.turn), wanted)
    if found is None:
        raise TurnNotFoundError(
            f"session {session_id!r}: that sibling of turn {way.turn} no longer exists. Nothing was changed. "
            "List the siblings again."
        )
    return found


def _go_to(tx: Transaction, conversation: Conversation, now: int, head: Head, chosen: Tip, *, pinned: bool) -> str:
    if not chosen.is_left:
        if pinned:
            raise BranchInUseError(
                f"session {conversation.session_id!r}: that sibling is on branch {chosen.name!r}, but "
                "this object stays on "
                f"{head.branch!r}. Nothing was changed. Use on_branch({chosen.name!r})."
            )
        locked: Any = bump_version(tx, conversation, now, guard=False)
        tx.run(branch_statements.SWITCH, session=locked.session, branch=chosen.name)
        record_change(tx, locked, "sibling_chosen", now)
        return cast("Head", find_head(tx, conversation, chosen.name)).branch
    locked = bump_version(tx, conversation, now, head.branch)
    if chosen.pending and chosen.owner == head.branch:
        redo_up_to(tx, locked, head, chosen.name, now)
    else:
        _move_to(tx, locked, head, chosen, now)
    record_change(tx, locked, "sibling_chosen", now)
    return head.branch


def _move_to(tx: Transaction, locked: LockedSession, head: Head, chosen: Tip, now: int) -> None:
    if not settle_ways_forward(tx, head):
        keep_tip(tx, locked, now, pending=False)
    place: dict[str, Any] = {"session": locked.session, "name": chosen.name}
    # What another branch left stays that one's: it could be deleted with this one otherwise.
    _, claim, made_in = tx.the(tip_statements.OWNER_OF_TIP, **place)
    own = chosen.owner == head.branch and claim is None
    if claim is not None:
        # It is an attempt, whose writer goes on there, or was killed. What it added is on a branch now.
        tx.run(record_statements.SHARE_ATTEMPTS_KEYS, session=locked.session, attempt=made_in)
    # If it is, or was, an attempt, what was popped there stays popped.
    share_popped(tx, head, head.session * NUMBERS + made_in)
    moved = {"branch": head.branch, "alone": int(own), "version": locked.version, "now": now}
    tx.run(tip_statements.MOVE_TO_TIP, **moved, **place)
    if own:
        tx.run(tip_statements.FORGET_TIP, **place)
    else:
        here = {"segment": chosen.segment, "position": chosen.tip}
        tx.run(branch_statements.RAISE_FLOOR, session=locked.session, **here)


def _way_through(tx: Transaction, lineages: Lineages, ways: dict[int, list[Tip]], wanted: EntryId) -> list[Tip] | None:
    """Return the tips of the way with an entry that ended the turn when it was listed; ``None`` if there is none."""
    # An entry that has expired may be gone. If another one took its place after a pop, that has a higher version.
    if find_entry_ids(tx, [wanted.entry]).get(wanted.entry, wanted) != wanted:
        return None
    for tips in ways.values():
        if wanted.entry not in ways and any(leads_through(lineages, tip, wanted.entry) for tip in tips):
            return tips
    return ways.get(wanted.entry)

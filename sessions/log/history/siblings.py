"""The ways in which a conversation went on in a turn, and choosing one of them.

Two tips took the same way in turn n if that turn ends with the same entry in both; they are compared only if the turn
before it ends with the same entry, too. What has expired is not there: a turn ends with the last entry that is left of
it, and a way of which nothing is left is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from sessions.clock import as_time
from sessions.db.ids import POSITION_BITS, position_of
from sessions.errors import BranchInUseError, TurnNotFoundError
from sessions.log.core.change_log import record_change
from sessions.log.core.changing import lock_head
from sessions.log.core.damage import read_tips
from sessions.log.core.entry_ids import find_entry_ids, parse_entry_id
from sessions.log.core.heads import LEFT_TIP, find_head, lineage
from sessions.log.core.lineages import Lineages
from sessions.log.core.locking import bump_version
from sessions.log.core.reflog import keep_tip, settle_ways_forward
from sessions.log.core.turns import EXPIRED, nearest_turns, turn_not_found, turn_start
from sessions.log.statements import branches as branch_statements
from sessions.types import Sibling

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.entry_ids import EntryId
    from sessions.log.core.heads import Head


class _Tip(NamedTuple):
    name: str
    owner: str | None
    segment: int
    tip: int
    updated_at: int
    changed_in: int


def list_siblings(tx: Transaction, conversation: Conversation, turn: int | None, branch: str | None) -> list[Sibling]:
    """Return the ways that were taken in a turn (the last one unless given), in the order in which they came to be.

    Raises:
        TurnNotFoundError: The branch has no such turn.
        UnknownBranchError: The session has no such branch.
    """
    head = find_head(tx, conversation, branch)
    lineages = Lineages(tx, head.session, head.reader.visible, uneven=conversation.ttl is not None) if head else None
    wanted = turn
    if turn is None and head and lineages:
        wanted = head.turn
        if lineages.is_uneven(head.segment):
            wanted = next(iter(nearest_turns(tx, head.reader, lineage(tx, head), (0, head.tip), 1)), 0)
    if head is None or lineages is None or wanted is None or not 1 <= wanted <= head.turn:
        raise turn_not_found(conversation.session_id, head, f"turn {wanted or ''}".strip())
    ways = _ways(tx, lineages, head, wanted)
    if not any(tip.name == head.branch for tips in ways.values() for tip in tips):
        raise turn_not_found(conversation.session_id, head, f"turn {wanted}", EXPIRED)
    ids = find_entry_ids(tx, ways)
    return [
        Sibling(
            wanted,
            number,
            len(ways),
            any(tip.name == head.branch for tip in tips),
            next((tip.name for tip in tips if not tip.name.startswith(LEFT_TIP)), None),
            as_time(tips[0].updated_at),
            ids[end].text,
        )
        for number, (end, tips) in enumerate(sorted(ways.items()), 1)
    ]


def choose_sibling(
    tx: Transaction, conversation: Conversation, now: int, sibling: Sibling, branch: str | None, *, pinned: bool
) -> str:
    """Go on from where a sibling's conversation last went to; the way that is left stays a sibling.

    If that is on another branch, that one becomes the current one; else the branch itself moves.

    Returns:
        The branch that goes on there.

    Raises:
        BranchInUseError: It is on another branch, and the caller is pinned to this one.
        TurnNotFoundError: It is not there any more.
        UnknownBranchError: The session has no such branch.
    """
    session_id = conversation.session_id
    head = lock_head(tx, conversation, now, branch)
    found = None
    if head is not None and 1 <= sibling.turn <= head.turn:
        lineages = Lineages(tx, head.session, head.reader.visible, uneven=conversation.ttl is not None)
        ways = _ways(tx, lineages, head, sibling.turn)
        found = _way_through(tx, lineages, ways, parse_entry_id(sibling.entry, session_id))
    if head is None or found is None:
        raise TurnNotFoundError(
            f"session {session_id!r}: that way through turn {sibling.turn} is not there any more; nothing was changed. "
            "List the siblings again"
        )
    if any(tip.name == head.branch for tip in found):
        return head.branch
    chosen = found[0]
    if not chosen.name.startswith(LEFT_TIP):
        if pinned:
            raise BranchInUseError(
                f"session {session_id!r}: that way through turn {sibling.turn} is on branch {chosen.name!r}, and this "
                f"object stays on {head.branch!r}; nothing was changed. Use on_branch({chosen.name!r})"
            )
        locked: Any = bump_version(tx, conversation, now, guard=False)
        tx.run(branch_statements.SWITCH, session=locked.session, branch=chosen.name)
    else:
        locked = bump_version(tx, conversation, now, head.branch)
        if not settle_ways_forward(tx, head):
            keep_tip(tx, locked, now, pending=False)
        place: dict[str, Any] = {"session": locked.session, "name": chosen.name}
        # What another branch left stays that one's: it could be deleted with this one otherwise.
        own = chosen.owner == head.branch and not _is_written(tx, locked.session, chosen)
        moved = {"branch": head.branch, "alone": int(own), "version": locked.version, "now": now}
        tx.run(branch_statements.MOVE_TO_TIP, **moved, **place)
        if own:
            tx.run(branch_statements.FORGET_TIP, **place)
        else:
            here = {"segment": chosen.segment, "position": chosen.tip}
            tx.run(branch_statements.RAISE_FLOOR, session=locked.session, **here)
    record_change(tx, locked, "sibling_chosen", now)
    if chosen.name.startswith(LEFT_TIP):
        return head.branch
    return cast("Head", find_head(tx, conversation, chosen.name)).branch


def _way_through(
    tx: Transaction, lineages: Lineages, ways: dict[int, list[_Tip]], wanted: EntryId
) -> list[_Tip] | None:
    """Return the tips of the way with an entry that ended the turn when it was listed; ``None`` if there is none."""
    # An entry that has expired may be gone. If another one took its place after a pop, that has a higher version.
    if find_entry_ids(tx, [wanted.entry]).get(wanted.entry, wanted) != wanted:
        return None
    found = ways.get(wanted.entry)
    return found or next((tips for tips in ways.values() if _lead_through(lineages, tips, wanted.entry)), None)


def _is_written(tx: Transaction, session: int, tip: _Tip) -> bool:
    """Tell whether a tip is that of an attempt, whose writer goes on there."""
    return tx.the(branch_statements.OWNER_OF_TIP, session=session, name=tip.name)[1] is not None


def _lead_through(lineages: Lineages, tips: list[_Tip], entry: int) -> bool:
    """Tell whether the entry that ended the turn when it was listed, and may not any more, is on the way to these."""
    position = position_of(entry)
    return any(position <= tip.tip and lineages.entry_at(tip.segment, position) == entry for tip in tips)


def _ways(tx: Transaction, lineages: Lineages, head: Head, turn: int) -> dict[int, list[_Tip]]:
    """Return the tips by the entry with which the turn ends there, the tip that was last active first."""
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
    ways: dict[int, list[_Tip]] = {}
    tips_there = read_tips(tx, head.session, lineages.origins)
    for name, segment, tip, turns, owner, *_, updated_at, changed_in in tips_there:
        if turns < turn or end_of(segment, tip, turns, turn - 1) != before:
            continue
        end = end_of(segment, tip, turns, turn)
        if end != before:
            ways.setdefault(end, []).append(_Tip(name, owner, segment, tip, updated_at, changed_in))
    for tips in ways.values():
        tips.sort(key=lambda tip: (tip.changed_in, not tip.name.startswith(LEFT_TIP)), reverse=True)
    return ways

"""Undo and redo: the tip moves back over the last turns, and forward again. No entry is written or removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.errors import NothingToRedoError
from sessions.log.core.change_log import record_change
from sessions.log.core.changing import change_head
from sessions.log.core.entries import read_all_entries, readable_items
from sessions.log.core.heads import MAIN, lineage
from sessions.log.core.reflog import keep_tip, move_tip, ways_forward
from sessions.log.core.turns import EXPIRED, cannot_undo, nearest_turns, turn_not_found, turn_start
from sessions.log.statements import tips as tip_statements

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.heads import Head, Stretch


def undo(
    tx: Transaction, conversation: Conversation, now: int, *, branch: str | None, turns: int
) -> tuple[list[Any], list[int]]:
    """Move a branch's tip back to before its last turns, and keep the way forward.

    Turns of which everything has expired do not count.

    Returns:
        The items that are gone from the branch, oldest first, and the positions of those that could not be decoded.

    Raises:
        TurnNotFoundError: The branch has not so many turns.
        UnknownBranchError: The session has no such branch.
    """
    session_id = conversation.session_id
    found = change_head(tx, conversation, now, branch)
    if found is None or turns > found[1].turn:
        raise cannot_undo(session_id, found and found[1], turns)
    locked, head = found
    stretches = lineage(tx, head)
    first = head.turn - turns + 1
    tip = turn_start(tx, stretches, first) - 1
    undone = read_all_entries(tx, head.reader, stretches, (tip, head.tip))
    missing = turns - len({entry.turn for entry in undone})
    if missing:
        # Some of these turns have expired, and do not count.
        before = nearest_turns(tx, head.reader, stretches, (0, tip), missing)
        if len(before) < missing or not before[-1]:
            raise cannot_undo(session_id, head, turns, EXPIRED)
        first = before[-1]
        tip = turn_start(tx, stretches, first) - 1
        undone = read_all_entries(tx, head.reader, stretches, (tip, head.tip))
    keep_tip(tx, locked, now, pending=True)
    move_tip(tx, locked, tip, first - 1, may_extend=0, now=now)
    record_change(tx, locked, "undone", now)
    return readable_items(undone)


def rewind(
    tx: Transaction, conversation: Conversation, now: int, *, branch: str | None, turn: int
) -> tuple[list[Any], list[int]]:
    """Move a branch's tip back to before a turn, and keep the way forward.

    Returns:
        The items that are gone from the branch, oldest first, and the positions of those that could not be decoded.

    Raises:
        TurnNotFoundError: The branch has no such turn, or nothing is left of it.
        UnknownBranchError: The session has no such branch.
    """
    found = change_head(tx, conversation, now, branch)
    if found is None:
        raise turn_not_found(conversation.session_id, None, f"turn {turn}")
    locked, head = found
    stretches = lineage(tx, head)
    tip = start_of_turn(tx, conversation, head, stretches, turn) - 1
    undone = read_all_entries(tx, head.reader, stretches, (tip, head.tip))
    keep_tip(tx, locked, now, pending=True)
    move_tip(tx, locked, tip, turn - 1, may_extend=0, now=now)
    record_change(tx, locked, "undone", now)
    return readable_items(undone)


def start_of_turn(tx: Transaction, conversation: Conversation, head: Head, stretches: list[Stretch], turn: int) -> int:
    """Return the position of the first entry of a turn from 1 of which something is left.

    Raises:
        TurnNotFoundError: The branch has no such turn.
    """
    session_id, wanted = conversation.session_id, f"turn {turn}"
    if not 1 <= turn <= head.turn:
        raise turn_not_found(session_id, head, wanted)
    first = turn_start(tx, stretches, turn)
    if nearest_turns(tx, head.reader, stretches, (first - 1, head.tip), 1, backward=False) != [turn]:
        raise turn_not_found(session_id, head, wanted, EXPIRED)
    return first


def redo(tx: Transaction, conversation: Conversation, now: int, *, branch: str | None) -> tuple[list[Any], list[int]]:
    """Revert the last undo of a branch that has not been reverted.

    Returns:
        The items that are back, oldest first, and the positions of those that could not be decoded.

    Raises:
        NothingToRedoError: Nothing was undone, or something was added or popped since.
        UnknownBranchError: The session has no such branch.
    """
    session_id = conversation.session_id
    found = change_head(tx, conversation, now, branch)
    kept = ways_forward(tx, found[1]) if found else []
    if found is None or not kept:
        raise NothingToRedoError(
            f"session {session_id!r}: nothing to redo on branch {found[1].branch if found else MAIN!r}: no "
            "turn was undone, or the branch changed since. Nothing was changed. Choose an undone turn with "
            "siblings() and choose()."
        )
    locked, head = found
    name, tip, turn, may_extend = kept[0]
    move_tip(tx, locked, tip, turn, may_extend=may_extend, now=now)
    tx.run(tip_statements.FORGET_TIP, session=head.session, name=name)
    stretches = lineage(tx, head._replace(tip=tip, turn=turn))
    redone = read_all_entries(tx, head.reader, stretches, (head.tip, tip))
    record_change(tx, locked, "redone", now)
    return readable_items(redone)

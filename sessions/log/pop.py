"""Pop: take the last item back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sessions.log import statements
from sessions.log.branch import find_head, walk_back
from sessions.log.changes import record_change
from sessions.log.classify import USER
from sessions.log.schema import SEGMENT_SHIFT
from sessions.log.session_row import raise_version
from sessions.log.takeover import take_over

if TYPE_CHECKING:
    from sessions.log.branch import Head, StoredEntry
    from sessions.log.conversation import Conversation
    from sessions.log.transaction import Transaction

_PAGE = 8
"""Entries fetched at a time; the last one nearly always decodes."""


class Popped(NamedTuple):
    """What was popped.

    Attributes:
        item: The item, or ``None`` if there was none.
        undecodable: The positions of entries after it that could not be decoded; they stay.
    """

    item: Any
    undecodable: list[int]


def pop(tx: Transaction, conversation: Conversation, now: int, *, strict: bool) -> Popped:
    """Remove the last item that decodes from the current branch; if `strict`, only if it is the last of all."""
    session_id = conversation.session_id
    head = find_head(tx, session_id)
    if head is None and take_over(tx, conversation, now):
        head = find_head(tx, session_id)
    if head is None:
        return Popped(None, [])
    undecodable: list[int] = []
    for entry in walk_back(tx, head, _PAGE):
        try:
            item = conversation.decode(entry.payload)
        except ValueError:
            undecodable.append(entry.position)
            if strict:
                break
            continue
        _remove(tx, session_id, head, entry, now)
        return Popped(item, undecodable)
    return Popped(None, undecodable)


def _remove(tx: Transaction, session_id: str, head: Head, entry: StoredEntry, now: int) -> None:
    """Delete the entry where no other branch can see it, else move the tip back to before it."""
    locked: Any = raise_version(tx, session_id, now)
    owned = entry.segment == head.segment and entry.position > head.floor
    # An entry that is not the branch's last leaves a hole: what could not be decoded stays after it.
    tip = head.tip if owned and entry.position < head.tip else entry.position - 1
    turn = entry.turn - (entry.kind == USER)
    if owned:
        tx.run(statements.DELETE_ENTRY, id=(entry.segment << SEGMENT_SHIFT) + entry.position)
    tx.run(statements.MOVE_TIP, session=head.session, branch=head.branch, tip=tip, turn=turn, may_grow=int(owned))
    record_change(tx, locked, "popped", now)

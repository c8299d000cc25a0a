"""Pop: take the last item back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.log import statements
from sessions.log.branch import find_head, position_of, walk_back
from sessions.log.changes import record_change
from sessions.log.classify import USER
from sessions.log.session_row import raise_version
from sessions.log.takeover import lock_conversation

if TYPE_CHECKING:
    from sessions.log.branch import Head
    from sessions.log.conversation import Conversation
    from sessions.log.transaction import Transaction

_PAGE = 8
"""Entries fetched at a time; the last one nearly always decodes."""


class Pop:
    """`pop`, as a store is asked for it: a function of a transaction that a store may also look into."""

    __slots__ = ("conversation", "now", "strict")

    def __init__(self, conversation: Conversation, now: int, *, strict: bool) -> None:
        self.conversation = conversation
        self.now = now
        self.strict = strict

    def __call__(self, tx: Transaction) -> tuple[Any, list[int]]:
        """Pop in `tx`."""
        return pop(tx, self.conversation, self.now, strict=self.strict)


def pop(tx: Transaction, conversation: Conversation, now: int, *, strict: bool) -> tuple[Any, list[int]]:
    """Remove the last item that decodes from the current branch; if `strict`, only if it is the last of all.

    Returns:
        The item, or ``None`` if there was none, and the positions of entries after it that could not be decoded and
        stay.
    """
    session_id = conversation.session_id
    if lock_conversation(tx, conversation, now) is None:
        # Another process may make the session now; without the lock its head would be stale at once.
        return None, []
    head: Any = find_head(tx, session_id)
    undecodable: list[int] = []
    for segment, rows in walk_back(tx, head, _PAGE, statements.ENTRIES_BACKWARD):
        for entry, payload, kind, turn in rows:
            try:
                item = conversation.decoder.decode(payload)
            except ValueError:
                undecodable.append(position_of(entry))
                if strict:
                    return None, undecodable
                continue
            locked: Any = raise_version(tx, session_id, now)
            _remove(tx, head, entry, owned=segment == head.segment, turn=turn - (kind == USER))
            record_change(tx, locked, "popped", now)
            return item, undecodable
    return None, undecodable


def _remove(tx: Transaction, head: Head, entry: int, *, owned: bool, turn: int) -> None:
    """Delete an entry where no other branch can see it, else move the tip back to before it."""
    position = position_of(entry)
    owned = owned and position > head.floor
    if owned:
        tx.run(statements.DELETE_ENTRY, id=entry)
    # An own entry that is not the branch's last leaves a hole: what could not be decoded stays after it.
    tip = head.tip if owned and position < head.tip else position - 1
    tx.run(statements.MOVE_TIP, session=head.session, branch=head.branch, tip=tip, turn=turn, may_grow=int(owned))

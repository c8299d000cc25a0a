"""Pop: take the last item back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.log import statements
from sessions.log.branch import lineage, position_of, walk_back
from sessions.log.changes import record_change
from sessions.log.classify import USER
from sessions.log.collect import collect, find_seen
from sessions.log.conversation import NO_EXPIRY
from sessions.log.left_tips import forget_ways_forward, keep_tip, move_tip
from sessions.log.session_row import raise_version
from sessions.log.takeover import lock_head

if TYPE_CHECKING:
    from sessions.log.branch import Head
    from sessions.log.conversation import Conversation
    from sessions.log.session_row import LockedSession
    from sessions.log.transaction import Transaction

_PAGE = 8
"""Entries fetched at a time; the last one nearly always decodes."""


class Pop:
    """`pop`, as a store is asked for it: a function of a transaction that a store may also look into."""

    __slots__ = ("branch", "conversation", "now", "strict")

    def __init__(self, conversation: Conversation, now: int, *, strict: bool, branch: str | None = None) -> None:
        self.conversation = conversation
        self.now = now
        self.strict = strict
        self.branch = branch

    def __call__(self, tx: Transaction) -> tuple[Any, list[int]]:
        """Pop in `tx`."""
        return pop(tx, self.conversation, self.now, strict=self.strict, branch=self.branch)


def pop(
    tx: Transaction, conversation: Conversation, now: int, *, strict: bool, branch: str | None = None
) -> tuple[Any, list[int]]:
    """Remove the last item that decodes from a branch; if `strict`, only if it is the last of all that are there.

    Returns:
        The item, or ``None`` if there was none, and the positions of entries after it that could not be decoded and
        stay.

    Raises:
        UnknownBranchError: There is no such branch.
    """
    head = lock_head(tx, conversation, now, branch)
    if head is None:
        return None, []
    undecodable: list[int] = []
    for segment, rows in walk_back(tx, head, _PAGE, statements.ENTRIES_BACKWARD):
        for row in rows:
            entry, _, turn, kind, *_ = row
            try:
                item = head.reader.open(row)
            except ValueError:
                undecodable.append(position_of(entry))
                if strict:
                    return None, undecodable
                continue
            locked: Any = raise_version(tx, conversation, now, head.branch)
            _remove(tx, locked, head, entry, owned=segment == head.segment, turn=turn - (kind == USER), now=now)
            record_change(tx, locked, "popped", now)
            return item, undecodable
    return None, undecodable


def _remove(
    tx: Transaction, locked: LockedSession, head: Head, entry: int, *, owned: bool, turn: int, now: int
) -> None:
    """Delete an entry where no other branch can see it, else move the tip back to before it.

    What lies after it cannot be decoded, and stays: a key may be found. Or it is gone for this reader, and stays only
    if it has not expired for all.
    """
    position = position_of(entry)
    stays = position < head.tip and _holds(tx, head, position, now)
    if owned and head.may_grow and position > head.floor:
        if not stays:
            tx.run(statements.DELETE_ENTRIES, low=entry - 1, high=entry - position + head.tip)
            move_tip(tx, locked, position - 1, turn, may_grow=1, now=now)
        else:
            # It leaves a hole: what comes after it stays in its turn.
            tx.run(statements.DELETE_ENTRY, id=entry)
            tx.run(statements.NOTE_HOLE, segment=head.segment)
            move_tip(tx, locked, head.tip, head.turn, may_grow=1, now=now)
        return
    # Others may have seen it, but need not see it any longer; and an undone turn cannot follow what is gone.
    before = find_seen(tx, head.session)
    forget_ways_forward(tx, head)
    if stays:
        keep_tip(tx, locked, now, pending=False)
    move_tip(tx, locked, position - 1, turn, may_grow=0, now=now)
    collect(tx, head.session, before)


def _holds(tx: Transaction, head: Head, position: int, now: int) -> bool:
    """Tell whether a branch holds anything after a position that has not expired for all readers."""
    values = {"now": now, "oldest": NO_EXPIRY}
    return any(
        tx.one(statements.COUNT_ENTRIES, **stretch.ids(low=max(position, stretch.low)), **values) != (0,)
        for stretch in lineage(tx, head)
        if stretch.high > position
    )

"""Moving a branch's tip, and the tips that branches left behind.

A tip is left as a way forward that undo keeps for redo, or as another turn that a conversation took.

They are rows of the table of branches with a `reflog_of`. Their names begin with a character that no branch's name may
begin with, and go on with the version that made them, so they are in the order of time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.log.statements import branches as branch_statements
from sessions.log.statements import tips as tip_statements
from sessions.log.words import LEFT_TIP

if TYPE_CHECKING:
    from sessions.db.transaction import Row, Transaction
    from sessions.log.core.heads import Head
    from sessions.log.core.locking import LockedSession


def name_of_tip(version: int) -> str:
    """Return the name of a tip that is left at a version."""
    return f"{LEFT_TIP}{version:016}"


def keep_tip(tx: Transaction, locked: LockedSession, now: int, *, pending: bool) -> None:
    """Keep where the locked session's branch is; as a way forward for redo if `pending`."""
    name = name_of_tip(locked.version)
    place = {"session": locked.session, "branch": locked.branch}
    tx.run(tip_statements.KEEP_TIP, name=name, pending=int(pending), version=locked.version, now=now, **place)


def move_tip(tx: Transaction, locked: LockedSession, tip: int, turn: int, *, may_extend: int, now: int) -> None:
    """Put the locked session's branch somewhere else in its own lineage; `turn` is the number of turns up to there."""
    place: dict[str, Any] = {"session": locked.session, "branch": locked.branch, "version": locked.version}
    tx.run(branch_statements.MOVE_TIP, tip=tip, turn=turn, may_extend=may_extend, now=now, **place)


def ways_forward(tx: Transaction, head: Head) -> list[Row]:
    """Return the tips from which a branch was moved back by undo, the latest first: name, tip, turn, may-grow."""
    return [] if head.may_extend else tx.all(tip_statements.WAYS_FORWARD, session=head.session, branch=head.branch)


def redo_up_to(tx: Transaction, locked: LockedSession, head: Head, wanted: str, now: int) -> None:
    """Bring a branch forward to a tip from which undo moved it back; later tips can still be redone."""
    for name, tip, turn, may_extend in ways_forward(tx, head):
        tx.run(tip_statements.FORGET_TIP, session=head.session, name=name)
        if name == wanted:
            move_tip(tx, locked, tip, turn, may_extend=may_extend, now=now)
            return


def settle_ways_forward(tx: Transaction, head: Head) -> bool:
    """Keep the farthest way forward of a branch as a tip that it left, as others lie on the way to it.

    Returns:
        Whether there was one.
    """
    found = ways_forward(tx, head)
    if found:
        *nearer, (farthest, *_) = found
        _forget(tx, head, nearer)
        tx.run(tip_statements.SETTLE_TIP, session=head.session, name=farthest)
    return bool(found)


def forget_ways_forward(tx: Transaction, head: Head) -> None:
    """Forget them all. Entries that no tip sees any more are not deleted here."""
    _forget(tx, head, ways_forward(tx, head))


def _forget(tx: Transaction, head: Head, tips: list[Row]) -> None:
    for name, *_ in tips:
        tx.run(tip_statements.FORGET_TIP, session=head.session, name=name)

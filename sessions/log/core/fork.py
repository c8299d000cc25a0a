"""The rows that a fork writes: a branch at a place in another one's lineage. Nothing is copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.log.statements import branches as branch_statements

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.core.heads import Head, Stretch
    from sessions.log.core.locking import LockedSession


def fork(
    tx: Transaction, locked: LockedSession, head: Head, stretches: list[Stretch], *, tip: int, turn: int, now: int
) -> bool:
    """Create the locked session's branch as a fork of another one at a place.

    Args:
        tx: A transaction.
        locked: The session, locked for a change of the new branch.
        head: Where the other branch ends.
        stretches: The other branch's lineage.
        tip: The last position that is shared.
        turn: The number of turns up to there.
        now: When the branch is made.

    Returns:
        Whether it was made: not if the name is taken.
    """
    origin = origin_of(stretches, tip)
    of_branch = {"session": locked.session, "branch": locked.branch, "forked_from": head.branch, **origin}
    if tx.one(branch_statements.MAKE_BRANCH, tip=tip, turn=turn, version=locked.version, now=now, **of_branch) is None:
        return False
    tx.run(branch_statements.RAISE_FLOOR, session=head.session, segment=origin["segment"], position=tip)
    return True


def origin_of(stretches: list[Stretch], tip: int) -> dict[str, Any]:
    """Return the segment that holds a position, and where that one was forked."""
    for number, stretch in enumerate(stretches):
        if stretch.low < tip:
            below = stretches[number + 1 :]
            parent = below[0].segment if below else None
            return {"segment": stretch.segment, "parent": parent, "fork_position": stretch.low}
    return {"segment": 0, "parent": None, "fork_position": 0}

"""Whether a branch is gone because the session was cleared, which moves its users to the current branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.log.core.heads import MAIN, branch_names
from sessions.log.statements import records as record_statements
from sessions.log.statements import sessions as session_statements

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction

_REMOVALS = {"branch_deleted", "renamed"}


def was_cleared_away(tx: Transaction, session_id: str, branch: str) -> bool:
    """Tell whether a former branch went because the session was cleared or deleted, and not by itself.

    If branches were deleted or renamed after the session was cleared, this may have been one of them: then it counts as
    such, and changes of it raise an error.
    """
    row = tx.one(session_statements.WHERE_IT_IS, session_id=session_id)
    if row is None:
        return branch != MAIN  # That one is there without a session, too.
    session, version, *_ = row
    if branch in branch_names(tx, session):
        return False
    changes = [
        what for _, what, _ in tx.all(record_statements.CHANGES_BETWEEN, session=session, after=0, until=version)
    ]
    if "cleared" not in changes:
        return False
    since = changes[len(changes) - changes[::-1].index("cleared") :]
    return _REMOVALS.isdisjoint(since)

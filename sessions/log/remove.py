"""Clear and delete: the two ways in which entries leave for good, in all branches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.log import statements
from sessions.log.branch import EVERYTHING, MAIN
from sessions.log.changes import record_change
from sessions.log.foreign import delete_foreign
from sessions.log.schema import SEGMENT_SHIFT
from sessions.log.session_row import lock_session, raise_version
from sessions.log.takeover import take_over

if TYPE_CHECKING:
    from sessions.log.conversation import Conversation, ForeignTables
    from sessions.log.transaction import Transaction


def clear(tx: Transaction, conversation: Conversation, now: int) -> None:
    """Remove a session's entries and branches; its row stays, with its version, idempotency keys and usage."""
    # What is taken over here goes at once, and the row that stays keeps it from coming back.
    take_over(tx, conversation, now)
    locked = raise_version(tx, conversation, now)
    if locked is not None:
        _remove_content(tx, locked.session)
        tx.run(statements.SWITCH, session=locked.session, branch=MAIN)
        record_change(tx, locked, "cleared", now)


def delete(tx: Transaction, session_id: str, foreign: ForeignTables) -> bool:
    """Remove a session with all that is known of it, also in the SDK's tables; tell whether there was one."""
    was_foreign = delete_foreign(tx, session_id, foreign)
    session = lock_session(tx, session_id)
    if session is None:
        return was_foreign
    _remove_content(tx, session)
    tx.run(statements.FORGET_KEYS, session=session)
    tx.run(statements.FORGET_CHANGES, session=session, version=EVERYTHING)
    tx.run(statements.FORGET_USAGE, session=session)
    tx.run(statements.DELETE_SESSION, session=session)
    return True


def _remove_content(tx: Transaction, session: int) -> None:
    for (segment,) in tx.all(statements.SEGMENTS, session=session):
        low = segment << SEGMENT_SHIFT
        tx.run(statements.DELETE_ENTRIES, low=low, high=low + (1 << SEGMENT_SHIFT) - 1)
    tx.run(statements.DELETE_SEGMENTS, session=session)
    tx.run(statements.DELETE_BRANCHES, session=session)

"""Locking a session, and a branch of it, for a change; a session that is kept elsewhere is adopted first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.log.core.fencing import check_held
from sessions.log.core.heads import check_without_session, find_head
from sessions.log.core.locking import bump_version, create_session, lock_session

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.heads import Head
    from sessions.log.core.locking import LockedSession


def lock_head(
    tx: Transaction, conversation: Conversation, now: int, branch: str | None, *, guard: bool = True
) -> Head | None:
    """Lock a session, adopting it first if necessary, and return a branch's head; ``None`` without a session.

    Without `guard`, a lost lease of the conversation is ignored.

    Raises:
        LeaseLostError: It was: the branch may be gone with it.
        UnknownBranchError: The session has no such branch.
    """
    session = lock_conversation(tx, conversation, now)
    if guard:
        check_held(tx, conversation, session, branch)
    if session is None:
        # Another process may make the session now; without the lock its head would be stale at once.
        check_without_session(conversation.session_id, branch)
        return None
    return find_head(tx, conversation, branch)


def change_head(
    tx: Transaction, conversation: Conversation, now: int, branch: str | None, *, guard: bool = True
) -> tuple[LockedSession, Head] | None:
    """Lock a session for a change of a branch that only an error prevents, so that its version can be raised at once.

    Returns:
        The session, adopted first if necessary, and the branch's head; ``None`` without a session.

    Raises:
        UnknownBranchError: The session has no such branch.
    """
    locked = change_session(tx, conversation, now, branch, guard=guard)
    head = find_head(tx, conversation, locked.branch) if locked else None
    return (locked, head) if locked and head else None


def change_session(
    tx: Transaction, conversation: Conversation, now: int, branch: str | None = None, *, guard: bool = True
) -> LockedSession | None:
    """Lock a session for a change of a branch, adopting it first if necessary; ``None`` without a session.

    Raises:
        UnknownBranchError: The session is missing, and the branch is not ``main``.
    """
    locked = bump_version(tx, conversation, now, branch, guard=guard)
    if locked is None and take_over(tx, conversation, now):
        locked = bump_version(tx, conversation, now, branch, guard=guard)
    if locked is None:
        # As in `lock_head`.
        check_without_session(conversation.session_id, branch)
    return locked


def lock_conversation(tx: Transaction, conversation: Conversation, now: int) -> int | None:
    """Lock a session, adopting it first if necessary; return its internal id, or ``None`` if it is missing.

    With ``None`` no lock is held: another process may create the session at once.
    """
    session = lock_session(tx, conversation.session_id)
    if session is None and take_over(tx, conversation, now):
        session = lock_session(tx, conversation.session_id)
    return session


def begin_session(tx: Transaction, conversation: Conversation, now: int, branch: str | None = None) -> LockedSession:
    """Create a session: from the OpenAI Agents SDK's tables if it is there, else empty."""
    take_over(tx, conversation, now)
    return create_session(tx, conversation, now, branch=branch)


def take_over(tx: Transaction, conversation: Conversation, now: int) -> bool:
    """Adopt a session that is kept elsewhere, unless it has a row of ours; tell whether that was done."""
    elsewhere = conversation.elsewhere
    if lock_session(tx, conversation.session_id) is not None or not elsewhere.holds(tx, conversation.session_id):
        return False
    elsewhere.copy_over(tx, conversation, now)
    return True

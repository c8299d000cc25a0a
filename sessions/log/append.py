"""Append: the one way in which a conversation grows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sessions.errors import IdempotencyKeyReusedError
from sessions.log import statements
from sessions.log.grow import add_entries
from sessions.log.session_row import create_session, raise_version
from sessions.log.takeover import take_over

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.log.conversation import Conversation
    from sessions.log.grow import NewEntry
    from sessions.log.session_row import LockedSession
    from sessions.log.transaction import Transaction


class Idempotency(NamedTuple):
    """A key and the digest of the items it stands for."""

    key: str
    digest: bytes


def append(
    tx: Transaction,
    conversation: Conversation,
    entries: Sequence[NewEntry],
    *,
    now: int,
    idempotency: Idempotency | None = None,
) -> None:
    """Append entries to a session's current branch, next to each other; make the session if there is none.

    Args:
        tx: A transaction.
        conversation: The session.
        entries: What to add, oldest first. Without any, nothing is changed but that the key is remembered.
        now: The time, in microseconds since 1970, UTC.
        idempotency: Nothing is added if the session has seen this key.

    Raises:
        IdempotencyKeyReusedError: The session has seen this key with other items.
    """
    if idempotency and _was_added(tx, conversation.session_id, idempotency):
        return
    if not entries and not idempotency:
        return
    locked = raise_version(tx, conversation.session_id, now) or _begin(tx, conversation, now)
    tip = add_entries(tx, conversation.session_id, locked, entries, [now] * len(entries))
    if idempotency:
        tx.run(
            statements.REMEMBER_KEY,
            session=locked.session,
            idempotency_key=idempotency.key,
            digest=idempotency.digest,
            version=locked.version,
            tip=tip,
            now=now,
        )


def _begin(tx: Transaction, conversation: Conversation, now: int) -> LockedSession:
    """Make the session: of what the OpenAI Agents SDK left in the database, else empty."""
    if take_over(tx, conversation, now):
        locked = raise_version(tx, conversation.session_id, now)
        if locked is not None:
            return locked
    return create_session(tx, conversation.session_id, now)


def _was_added(tx: Transaction, session_id: str, idempotency: Idempotency) -> bool:
    """Tell whether the session has seen this key."""
    locked = tx.one(statements.LOCK_SESSION, session_id=session_id)
    if locked is None:
        return False
    seen = tx.one(statements.SEEN_KEY, session=locked[0], idempotency_key=idempotency.key)
    if seen is None:
        return False
    if bytes(seen[0]) != idempotency.digest:
        raise IdempotencyKeyReusedError(
            f"session {session_id!r}: this idempotency key was used before with other items; nothing was added. "
            "Use a new key for new items"
        )
    return True

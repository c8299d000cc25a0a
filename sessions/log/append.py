"""Append: the one way in which a conversation grows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sessions.errors import IdempotencyKeyReusedError
from sessions.log import statements
from sessions.log.grow import add_entries
from sessions.log.reader import unlock
from sessions.log.session_row import ensure_sealed, raise_version
from sessions.log.takeover import begin_session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.log.conversation import Conversation
    from sessions.log.grow import NewEntry
    from sessions.log.sealing import SessionKey
    from sessions.log.transaction import Transaction


class Idempotency(NamedTuple):
    """A key and the digest of the items it stands for."""

    key: str
    digest: bytes


class Append:
    """`append`, as a store is asked for it: a function of a transaction that a store may also look into."""

    __slots__ = ("branch", "conversation", "entries", "expires_at", "idempotency", "now")

    def __init__(
        self,
        conversation: Conversation,
        entries: Sequence[NewEntry],
        now: int,
        idempotency: Idempotency | None = None,
        branch: str | None = None,
        *,
        expires_at: int | None = None,
    ) -> None:
        self.conversation = conversation
        self.entries = entries
        self.now = now
        self.idempotency = idempotency
        self.branch = branch
        self.expires_at = expires_at

    def __call__(self, tx: Transaction) -> None:
        """Append in `tx`."""
        append(
            tx,
            self.conversation,
            self.entries,
            now=self.now,
            idempotency=self.idempotency,
            branch=self.branch,
            expires_at=self.expires_at,
        )

    def with_key(self, idempotency: Idempotency) -> Append:
        """Return the same append with a key."""
        return Append(self.conversation, self.entries, self.now, idempotency, self.branch, expires_at=self.expires_at)


def append(
    tx: Transaction,
    conversation: Conversation,
    entries: Sequence[NewEntry],
    *,
    now: int,
    idempotency: Idempotency | None = None,
    branch: str | None = None,
    expires_at: int | None = None,
) -> None:
    """Append entries to a session's branch, next to each other; make the session if there is none.

    Args:
        tx: A transaction.
        conversation: The session.
        entries: What to add, oldest first. Without any, nothing is changed but that the key is remembered.
        now: The time, in microseconds since 1970, UTC.
        idempotency: Nothing is added if the session has seen this key.
        branch: The branch; the current one unless named.
        expires_at: When the entries will not be there any more.

    Raises:
        UnknownBranchError: There is no such branch.
        IdempotencyKeyReusedError: The session has seen this key with other items.
        DecryptionError: The session is sealed with another key.
    """
    session_id = conversation.session_id
    locked = None
    if idempotency:
        row = tx.one(statements.LOCK_SESSION, session_id=session_id)
        if row is None:
            locked = begin_session(tx, conversation, now, branch)
            session, key = locked.session, locked.key
        else:
            session, key = row[0], unlock(conversation, row[1])
        if _was_added(tx, session_id, session, idempotency, key):
            return
    elif not entries:
        return
    locked = locked or raise_version(tx, conversation, now, branch) or begin_session(tx, conversation, now, branch)
    locked = ensure_sealed(tx, locked)
    tip = add_entries(tx, locked, entries, now, expires_at=expires_at)
    if idempotency:
        tx.run(
            statements.REMEMBER_KEY,
            session=locked.session,
            idempotency_key=idempotency.key,
            digest=idempotency.digest if locked.key is None else locked.key.digest(idempotency.digest),
            version=locked.version,
            tip=tip,
            now=now,
        )


def _was_added(
    tx: Transaction, session_id: str, session: int, idempotency: Idempotency, session_key: SessionKey | None
) -> bool:
    """Tell whether the session, which is locked, has seen this key."""
    seen = tx.one(statements.SEEN_KEY, session=session, idempotency_key=idempotency.key)
    if seen is None:
        return False
    # The key may have been seen before the session was sealed.
    digests = [idempotency.digest] + [key.digest(idempotency.digest) for key in (session_key,) if key is not None]
    if bytes(seen[0]) not in digests:
        raise IdempotencyKeyReusedError(
            f"session {session_id!r}: this idempotency key was used before with other items; nothing was added. "
            "Use a new key for new items"
        )
    return True

"""A session's row: locked by every change, and made by the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sessions.clock import MINUTE
from sessions.db.ids import check_number, ids_of
from sessions.errors import DecryptionError
from sessions.log.core.fencing import check_held, check_lease
from sessions.log.core.heads import MAIN
from sessions.log.core.ownership import check_owner
from sessions.log.core.reader import unlock
from sessions.log.schema import MAX_SESSION
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import entries as entry_statements
from sessions.log.statements import sessions as session_statements

if TYPE_CHECKING:
    from sessions.db.transaction import Row, Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.encryption.payloads import Payloads
    from sessions.log.encryption.session_encryption import SessionEncryption


class LockedSession(NamedTuple):
    """A session's row, locked by this transaction, at the version that its change makes.

    Attributes:
        conversation: The conversation.
        session: The internal id.
        version: The version.
        branch: The name of the branch that the change is for.
        current: The name of the session's current branch.
        wrapped_keys: Its data keys, wrapped; ``None`` if it has none.
        key: Encrypts its payloads; ``None`` if they stay in the clear.
        leases: The last number given to a lease or a waiter; 0 if none was given.
        keyed: 1 if it has item keys.
    """

    conversation: Conversation
    session: int
    version: int
    branch: str
    current: str
    wrapped_keys: bytes | None
    key: Payloads | None
    leases: int
    keyed: int

    @property
    def is_new(self) -> bool:
        """Whether this transaction makes the session."""
        return self.version == 1


def lock_session(tx: Transaction, session_id: str) -> int | None:
    """Lock a session without changing it; return its internal id, or ``None`` if it is missing."""
    row = tx.one(session_statements.LOCK_SESSION, session_id=session_id)
    return None if row is None else int(row[0])


def bump_version(
    tx: Transaction,
    conversation: Conversation,
    now: int,
    branch: str | None = None,
    *,
    guard: bool = True,
    active: bool = True,
) -> LockedSession | None:
    """Lock a session for a change of a branch (the current one unless named); ``None`` if the session is missing.

    Without `guard`, other callers' leases on the branch are ignored here. The session counts as active by the change,
    if that is `active`.

    Raises:
        OwnerError: The session belongs to another owner than the conversation's.
        LeaseLostError: The change is made under a lease that was lost.
        SessionBusyError: Another caller holds an exclusive lease on the branch.
        DecryptionError: The session is encrypted with another key.
    """
    row = tx.one(session_statements.BUMP_VERSION, session_id=conversation.session_id, now=now)
    if row is None:
        if guard:
            check_held(tx, conversation, None, branch)
        return None
    found = _Row.of(row)
    locked = _locked(conversation, found, branch)
    if conversation.attempt:
        # Its own row has no lease: the one that its branch has is held, or nothing is written.
        check_held(tx, conversation._replace(lease=conversation.attempt), locked.session)
    if guard:
        guard_branch(tx, locked, now)
    if active:
        _touch(tx, locked.session, now, found.active_at, found.tagged)
    return locked


def _touch(tx: Transaction, session: int, now: int, active_at: int, tagged: int) -> None:
    """Note that a locked session is active, at most once a minute: changes in between touch no index."""
    if now - active_at >= MINUTE:
        tx.run(session_statements.TOUCH, session=session, now=now)
        if tagged:
            tx.run(session_statements.TOUCH_TAGS, session=session, now=now)


def guard_branch(tx: Transaction, locked: LockedSession, now: int, *, alone: bool = False) -> None:
    """Let a change of the locked session's branch through, or raise; see `check_lease`."""
    # Most sessions never had a lease.
    if locked.leases or locked.conversation.lease is not None:
        check_lease(tx, locked.conversation, locked.session, locked.branch, now, alone=alone)


def create_session(
    tx: Transaction,
    conversation: Conversation,
    now: int,
    *,
    created_at: int | None = None,
    active_at: int | None = None,
    branch: str | None = None,
) -> LockedSession:
    """Make a session, with no entry yet; lock it for a change if another process has just made it.

    Raises:
        OwnerError: That process has made it for another owner.
        DecryptionError: That process has encrypted it with another key.
        StoreFullError: The internal ids are used up.
    """
    row = tx.the(
        session_statements.CREATE_SESSION,
        session_id=conversation.session_id,
        branch=MAIN,
        wrapped_keys=conversation.encryption and conversation.encryption.new_wrapped_keys(conversation.session_id),
        created_at=now if created_at is None else created_at,
        now=now,
        owner=conversation.owner,
        active_at=now if active_at is None else active_at,
    )
    check_number(row[0], f"session {conversation.session_id!r}", "sessions", most=MAX_SESSION)
    return _locked(conversation, _Row.of(row), branch)


def ensure_encrypted(tx: Transaction, locked: LockedSession) -> LockedSession:
    """Give a session its wrapped keys if it is opened with a key and was made without.

    Raises:
        DecryptionError: It holds entries in the clear, and may not.
    """
    encryption, session_id = locked.conversation.encryption, locked.conversation.session_id
    if encryption is None or locked.wrapped_keys is not None:
        return locked
    check_encryptable(tx, encryption, session_id, locked.session)
    wrapped_keys = encryption.new_wrapped_keys(session_id)
    tx.run(session_statements.SET_WRAPPED_KEYS, session=locked.session, wrapped_keys=wrapped_keys)
    return locked._replace(wrapped_keys=wrapped_keys, key=encryption.unlock(session_id, wrapped_keys))


def check_encryptable(tx: Transaction, encryption: SessionEncryption, session_id: str, session: int) -> None:
    """Check that a session without wrapped keys may be given some.

    Raises:
        DecryptionError: It holds entries in the clear, and may not; or encrypted ones, so its keys were removed.
    """
    if not tx.one(session_statements.HOLDS_SOMETHING, session=session):
        return
    encryption.check_plain_text(session_id)
    for (segment,) in tx.all(branch_statements.SEGMENTS, session=session):
        low, high = ids_of(segment)
        formats = dict(zip(("first", "last"), encryption.first_bytes, strict=True))
        if tx.one(entry_statements.ENCRYPTED_ENTRY, low=low, high=high, **formats):
            raise DecryptionError(
                f"session {session_id!r} has encrypted entries, but its keys were removed. Nothing was changed. "
                "Restore it from a backup, or clear the session."
            )


class _Row(NamedTuple):
    """A session's row, as the statements that lock it return it."""

    session: int
    version: int
    current: str
    wrapped_keys: bytes | None
    leases: int
    owner: str | bytes | None
    active_at: int
    tagged: int
    keyed: int

    @classmethod
    def of(cls, row: Row) -> _Row:
        """Return a row without the column that tells Postgres's watchers."""
        return cls._make(row[: len(cls._fields)])


def _locked(conversation: Conversation, row: _Row, branch: str | None) -> LockedSession:
    session, version, current, wrapped_keys, leases, owner, _, _, keyed = row
    check_owner(conversation, owner)
    key = unlock(conversation, wrapped_keys)
    on = current if branch is None else branch
    return LockedSession(conversation, session, version, on, current, wrapped_keys, key, leases, keyed)

"""Append: the one way in which a conversation grows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from sessions.clock import NEVER
from sessions.db.command import Command
from sessions.errors import ConflictError, IdempotencyKeyReusedError
from sessions.log.core.changing import begin_session
from sessions.log.core.elsewhere import check_absent
from sessions.log.core.extend import add_entries
from sessions.log.core.heads import MAIN, NUMBERS, attempt_of, number_of
from sessions.log.core.idempotency import forget_settled_keys, is_given, life_of, made_key
from sessions.log.core.item_keys import new_entries
from sessions.log.core.locking import bump_version, ensure_encrypted, guard_branch
from sessions.log.core.ownership import check_owner
from sessions.log.core.reader import unlock
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import records as record_statements
from sessions.log.statements import sessions as session_statements

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from sessions.db.command import Leftover
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.extend import NewEntry
    from sessions.log.core.locking import LockedSession
    from sessions.log.encryption.payloads import Payloads


class Idempotency(NamedTuple):
    """A key and the digest of the items it stands for."""

    key: str
    digest: bytes


class Added(NamedTuple):
    """The result of an append.

    Attributes:
        branch: The number of the branch that was named and appended to, if the caller knew none: see `BranchName`.
        was_known: Whether nothing was done, as the session has seen the key, or the branch the keys of all items.
    """

    branch: int | None = None
    was_known: bool = False


class Append(Command["int | None"], msgspec.Struct, frozen=True, eq=False):
    """Append entries to a session's branch, next to each other; create the session if it is missing.

    Attributes:
        conversation: The session.
        entries: The entries to add, oldest first. Without any, only the key is remembered.
        now: The time, in microseconds since 1970, UTC.
        idempotency: Nothing is added if the session has seen this key.
        branch: The branch; the current one unless named.
        expires_at: When the entries expire.
        expected_version: The version that the session must have, unless it has seen the key; 0 if it is not there.
        keyed: Whether some entries have keys: those that the branch has seen are not added.
    """

    conversation: Conversation
    entries: Sequence[NewEntry]
    now: int
    idempotency: Idempotency | None = None
    branch: str | None = None
    expires_at: int | None = None
    expected_version: int | None = None
    keyed: bool = False

    @property
    def changes_nothing(self) -> bool:
        """Whether there is nothing to add, to remember or to check."""
        return not self.entries and self.idempotency is None and self.expected_version is None

    def on_current_branch(self) -> Append:
        """Return the same for the current branch."""
        return msgspec.structs.replace(self, branch=None)

    @property
    def payloads(self) -> Iterable[bytes]:
        """The items' bytes."""
        return (entry.payload for entry in self.entries)

    @property
    def size(self) -> int:
        """The bytes of all items."""
        return sum(len(entry.payload) for entry in self.entries)

    @property
    def repeatable(self) -> bool:
        """Whether a key tells if it was done before."""
        return self.idempotency is not None

    def made_repeatable(self) -> Append:
        """Return the same with a key, if it has none: if its answer is lost, that tells whether it was done."""
        if self.idempotency or not self.entries:
            return self
        return msgspec.structs.replace(self, idempotency=Idempotency(made_key(self.now), b""))

    @property
    def locks(self) -> Hashable:
        """The session."""
        return "session", self.conversation.session_id

    @property
    def leftover(self) -> Leftover | None:
        """The key that `made_repeatable` gave it, which is useless once it has been answered."""
        if self.idempotency is None or is_given(self.idempotency.key):
            return None
        return forget_settled_keys, (self.conversation.session_id, self.idempotency.key)

    @property
    def expires(self) -> bool:
        """Whether its entries do."""
        return self.expires_at is not None and self.expires_at < NEVER

    def __call__(self, tx: Transaction) -> int | None:
        """Append in `tx`, and return the branch's number; see `add`."""
        return self.add(tx).branch

    def add(self, tx: Transaction) -> Added:
        """Append in `tx`.

        Raises:
            ConflictError: The session has another version, and no exclusive lease is held on the branch.
            LeaseLostError: The conversation's lease was lost.
            SessionBusyError: Another caller holds an exclusive lease on the branch.
            UnknownBranchError: The session has no such branch.
            IdempotencyKeyReusedError: The session has seen this key with other items.
            ItemKeyConflictError: The session has another item with the key of one of these.
            DecryptionError: The session is encrypted with another key.
        """
        conversation, now, branch = self.conversation, self.now, self.branch
        entries, locked = self.entries, None
        if self.idempotency or self.keyed:
            session, key, locked = self._lock(tx)
            if self.idempotency and _was_added(
                tx, conversation.session_id, session, self.idempotency, key, branch=branch
            ):
                return Added(was_known=True)
            if self.keyed:
                entries = new_entries(tx, conversation, session, branch, entries, session_key=key)
                if not entries and not (self.idempotency and is_given(self.idempotency.key)):
                    return Added(was_known=True)
        elif not entries:
            if self.expected_version is not None:
                _check_version(conversation.session_id, version_of(tx, conversation), self.expected_version)
            return Added()
        # Putting entries at the branch's end looks at its lease.
        locked = (
            locked
            or bump_version(tx, conversation, now, branch, guard=False)
            or begin_session(tx, conversation, now, branch)
        )
        if self.expected_version is not None and (entries or not self.keyed):
            # An excluded caller learns of the holder first: that the holder has changed something is no news.
            guard_branch(tx, locked, now)
            _check_version(conversation.session_id, locked.version - 1, self.expected_version)
        locked = ensure_encrypted(tx, locked)
        tip = add_entries(tx, locked, entries, now, expires_at=self.expires_at, keyed=self.keyed)
        if self.idempotency:
            _remember_key(tx, locked, self.idempotency, tip, now, branch=branch)
        return Added(_number(tx, locked.session, branch))

    def _lock(self, tx: Transaction) -> tuple[int, Payloads | None, LockedSession | None]:
        """Lock the session, so that its keys can be looked up.

        Returns:
            Its internal id and its key; and the session, locked for this change already, if it had to be made.
        """
        conversation = self.conversation
        row = tx.one(session_statements.LOCK_SESSION, session_id=conversation.session_id)
        if row is None:
            locked = begin_session(tx, conversation, self.now, self.branch)
            return locked.session, locked.key, locked
        session, wrapped_keys, owner = row
        check_owner(conversation, owner)
        return session, unlock(conversation, wrapped_keys), None


def _remember_key(
    tx: Transaction, locked: LockedSession, idempotency: Idempotency, tip: int, now: int, *, branch: str | None
) -> None:
    tx.run(
        record_statements.REMEMBER_KEY,
        session=locked.session,
        idempotency_key=idempotency.key,
        digest=idempotency.digest if locked.key is None else locked.key.digest(idempotency.digest),
        version=locked.version,
        tip=tip,
        now=now,
        life=life_of(idempotency.key),
        attempt=attempt_of(branch),
    )


def _number(tx: Transaction, session: int, branch: str | None) -> int | None:
    if branch is None or branch == MAIN or number_of(branch):
        return None
    row = tx.one(branch_statements.MADE_IN, session=session, branch=branch)
    return None if row is None else session * NUMBERS + int(row[0])


def version_of(tx: Transaction, conversation: Conversation) -> int:
    """Return a session's version; 0 if it is not there."""
    row = tx.one(session_statements.VERSION, session_id=conversation.session_id)
    if row is None:
        check_absent(tx, conversation)
        return 0
    version, owner = row
    check_owner(conversation, owner)
    return int(version)


def _check_version(session_id: str, version: int, expected: int) -> None:
    if version != expected:
        raise ConflictError(
            f"session {session_id!r} has version {version}, not {expected}, because it was changed since. "
            "Nothing was added. Read it again.",
            version,
        )


def _was_added(
    tx: Transaction,
    session_id: str,
    session: int,
    idempotency: Idempotency,
    session_key: Payloads | None,
    *,
    branch: str | None,
) -> bool:
    """Tell whether the session, which is locked, has seen this key.

    A key that was used in an attempt is known in that attempt alone until its items are on a branch.
    """
    key = {"session": session, "idempotency_key": idempotency.key}
    seen = tx.one(record_statements.SEEN_KEY, **key, attempt=attempt_of(branch))
    if seen is None:
        return False
    digest, has_ended = seen
    if has_ended:
        tx.run(record_statements.FORGET_KEY, **key)
        return False
    # The key may have been seen before the session was encrypted.
    digests = [idempotency.digest] + [one.digest(idempotency.digest) for one in (session_key,) if one is not None]
    # Of a session that was imported, it may be unknown: the key alone decides then.
    if digest and bytes(digest) not in digests:
        raise IdempotencyKeyReusedError(
            f"session {session_id!r}: this idempotency key was used before with other items. Nothing was "
            "added. Use a new key for new items."
        )
    return True

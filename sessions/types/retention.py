"""Retention policies, and the frozen results of applying them, of erasing an owner, and of reading the audit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from sessions.labels import below_owner, encode_owner, given_owner
from sessions.validation import DEFAULT, Default, check_count, check_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from sessions.labels import Owner

Spared: TypeAlias = Literal["leased", "pending", "unreadable"]
"""Why a session stays although a policy applies to it."""

_NO_LIMIT = "at most a hundred years"


@dataclass(frozen=True, kw_only=True)
class RetentionPolicy:
    """Which sessions go, or which of their turns. Each given condition has to hold.

    Example: ``policy = RetentionPolicy(unchanged_for=timedelta(days=90), archived=True)``

    Without `keep_turns`, `Store.retain` erases the sessions to which the policy applies. With it, the sessions stay,
    and only their older turns go.

    Attributes:
        older_than: Sessions whose first item was added this long ago: seconds or a `timedelta`.
        unchanged_for: Sessions that were last changed this long ago, by `SessionInfo.updated_at`. Archiving is a
            change; purging and rotating keys are not.
        keep_turns: Keep the last N turns of each branch, and system and developer messages before the first turn.
        archived: ``True``: only archived sessions. ``False``: only others.
        empty: Only sessions without an item, as `Store.purge_expired` leaves them. Sessions with a remembered
            idempotency key or item key are not empty.
        owner: Only sessions of this owner.
        below: Only sessions of owners whose labels begin with these.
        abandoned_after: A session with an unanswered tool call is spared, as a human may still have to approve the
            call. With a time here, the call counts as abandoned once the session has been unchanged for so long.

    Raises:
        TypeError: An argument has the wrong type; an owner of ``None`` is refused, as a login that failed must not
            extend the policy to all owners.
        ValueError: An argument is out of range, the policy has no condition, or two arguments exclude each other.
    """

    older_than: float | timedelta | None = None
    unchanged_for: float | timedelta | None = None
    keep_turns: int | None = None
    archived: bool | None = None
    empty: bool = False
    owner: Owner | Default = DEFAULT
    below: Owner | Default = DEFAULT
    abandoned_after: float | timedelta | None = None

    def __post_init__(self) -> None:
        for name in ("older_than", "unchanged_for", "abandoned_after"):
            if getattr(self, name) is not None:
                check_seconds(getattr(self, name), name, _NO_LIMIT)
        if self.keep_turns is not None:
            check_count(self.keep_turns, "keep_turns", least=1)
        for name, allowed in (("archived", (True, False, None)), ("empty", (True, False))):
            if not any(getattr(self, name) is value for value in allowed):
                raise TypeError(
                    f"{name} must be {' or '.join(map(repr, allowed))}, not {type(getattr(self, name)).__name__}. "
                    "Nothing was done. Pass a bool."
                )
        owner, below = given_owner(self.owner), given_owner(self.below, "below")
        if owner is not None and below is not None:
            raise ValueError("owner and below cannot be combined. Nothing was done. Give one of them.")
        if self.empty and self.keep_turns is not None:
            raise ValueError(
                "empty and keep_turns cannot be combined: an empty session has no turns. Nothing was done. Write two "
                "policies."
            )
        conditions = (self.older_than, self.unchanged_for, self.keep_turns, self.archived or None, self.empty or None)
        if all(condition is None for condition in conditions):
            raise ValueError(
                "a RetentionPolicy needs older_than, unchanged_for, keep_turns, archived=True or empty=True: without "
                "one it would erase every session. Nothing was done. To erase all sessions of an owner, use "
                "store.erase_owner(owner)."
            )
        Scope.of(owner, below)


@dataclass(frozen=True)
class Scope:
    """Which owners' sessions a policy is for.

    Attributes:
        low: The first owner, as `labels.py` writes it; ``None`` for all sessions, also those without an owner.
        high: The first text behind the last owner.
        rank: The higher, the more specific: of a session's policies, those with the highest rank count.
    """

    low: str | None = None
    high: str | None = None
    rank: tuple[int, bool] = (0, False)

    @classmethod
    def of(cls, owner: Owner | None, below: Owner | None) -> Scope:
        """Return the scope of an owner, of the owners below one, or of all if both are ``None``.

        Raises:
            TypeError: One is neither text nor a tuple of texts.
            ValueError: One is not allowed.
        """
        if owner is not None:
            low, high = one_owner(encode_owner(owner))
            return cls(low, high, (_labels(owner), True))
        if below is not None:
            low, high = below_owner(encode_owner(below, "below"))
            return cls(low, high, (_labels(below), False))
        return cls()

    def covers(self, owner: str | None) -> bool:
        """Tell whether the sessions of an owner, as it is stored, are in this scope."""
        return self.low is None or (owner is not None and self.low <= owner < str(self.high))


def one_owner(encoded: str) -> tuple[str, str]:
    """Return the range of stored owners that has this one alone: from the first on, before the second."""
    return encoded, encoded + "\x01"


def _labels(owner: Owner) -> int:
    return 1 if isinstance(owner, str) else len(owner)


@dataclass(frozen=True, kw_only=True)
class RetentionCandidate:
    """A session to which a retention policy applies, as `Store.preview_retention` finds it.

    Example: ``ids = [found.session_id async for found in store.preview_retention(policy) if found.spared is None]``

    Attributes:
        session_id: The session.
        owner: Its owner; ``None`` without one.
        keep_turns: ``None`` if the session would be erased; otherwise how many turns would stay.
        entries: The number of stored items that would go, in all branches.
        spared: ``None`` if they would go. ``"leased"``: a branch is leased, or a caller waits for a lease.
            ``"pending"``: a tool call without an output may wait for an approval. ``"unreadable"``: this store cannot
            tell, as it lacks the session's key, or the stored rows contradict each other.
    """

    session_id: str
    owner: Owner | None
    keep_turns: int | None
    entries: int
    spared: Spared | None = None


@dataclass(frozen=True, kw_only=True)
class RetentionReport:
    """The result of `Store.retain`.

    Example: ``report = await store.retain(policy, dry_run=True)``

    Attributes:
        ran_at: When the run began (UTC): ages are counted from here.
        dry_run: Whether nothing was removed, and the numbers are a forecast.
        erased: The number of sessions erased.
        trimmed: The number of sessions whose older turns were removed.
        entries: The number of stored items removed, in both.
        leased: The number of sessions spared because a branch is leased, or a caller waits for a lease.
        pending_calls: The number of sessions spared because of a tool call that may wait for an approval.
        unreadable: The number of sessions spared because this store cannot tell whether a call waits: it lacks their
            key, or their rows contradict each other.
        changed: The number of sessions left as they were, because another caller used them at the same moment. The next
            run looks at them again.
        session_ids: The ids of the first hundred sessions that were erased or trimmed.
        pending: Where bytes of removed items may still be, and how to finish that, in sentences; empty if nothing is
            left to do.
    """

    ran_at: datetime
    dry_run: bool
    erased: int = 0
    trimmed: int = 0
    entries: int = 0
    leased: int = 0
    pending_calls: int = 0
    unreadable: int = 0
    changed: int = 0
    session_ids: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OwnerErasure:
    """The receipt of `Store.erase_owner`: the removed rows and the remaining work. Backups are not covered.

    Example: ``receipt = await store.erase_owner("ann")``

    Attributes:
        owner: The owner.
        below: Whether owners were included whose labels begin with this one's.
        erased_at: When the erasure began (UTC).
        sessions: The number of sessions erased.
        rows: How many rows were removed, by component and table: ``{"log": {"entries": 12, …}}``. The component of
            conversations is ``log``; its names are those of `ErasureReceipt`.
        pending: The remaining work and how to finish it, in sentences; empty if all is done.
    """

    owner: Owner
    below: bool
    erased_at: datetime
    sessions: int
    rows: Mapping[str, Mapping[str, int]]
    pending: tuple[str, ...] = ()


@dataclass(frozen=True)
class Audit:
    """An audit row: something was removed for good. It holds neither ids nor contents.

    Example: ``rows = await store.audits(session_id="user_123")``

    Attributes:
        at: When (UTC), by the clock of the process that removed it.
        what: The operation: ``"erase"``, ``"erase_owner"``, ``"erase_memories"``, ``"retain"``, ``"redact"`` or
            ``"remove"``; later ones may come.
        actor: The person or program that did it, as given with ``actor=``; ``None`` if nothing was given.
        subject: An HMAC-SHA256 of the session's or the thread's id, of the owner or of the memories' prefix, in
            hexadecimal digits. The key is a salt of the store's.
        counts: How many rows were removed, by table.
        cursor: The row's place, an opaque text for ``store.audits(after=…)``.
    """

    at: datetime
    what: str
    actor: str | None
    subject: str
    counts: Mapping[str, int]
    cursor: str

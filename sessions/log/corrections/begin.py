"""The beginning and the end of every correction: locks, leases, and the record of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sessions.log.core.change_log import record_change
from sessions.log.core.changing import take_over
from sessions.log.core.copies import forget_lost_copies
from sessions.log.core.entry_ids import unknown_entry
from sessions.log.core.fencing import Lease, busy, check_held
from sessions.log.core.heads import find_head
from sessions.log.core.locking import bump_version, ensure_encrypted
from sessions.log.history.ways import lineages_of, tips_of
from sessions.log.lifetime.audit import Done, record
from sessions.log.lifetime.remove import remove_copies
from sessions.log.statements import corrections as statements
from sessions.log.statements import leases as lease_statements

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal

    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.entry_ids import EntryId
    from sessions.log.core.heads import Head
    from sessions.log.core.lineages import Lineages
    from sessions.log.core.locking import LockedSession
    from sessions.log.history.ways import Tip


class Corrected(NamedTuple):
    """The result of a correction.

    Attributes:
        version: The session's version now.
        entries: How many entries were redacted or removed.
        ids: Their ids; empty for a way.
        summaries: The dropped summaries.
        title: Whether the title was removed.
        forks: Other sessions that were made of this one.
        sdk_rows: How many of the SDK's messages were redacted or removed.
        sealed_rows: How many of the SDK's messages cannot be read, and may be among them.
    """

    version: int
    entries: int
    ids: tuple[EntryId, ...] = ()
    summaries: tuple[EntryId, ...] = ()
    title: bool = False
    forks: tuple[str, ...] = ()
    sdk_rows: int = 0
    sealed_rows: int = 0


class Correction(NamedTuple):
    """A correction that has begun.

    Attributes:
        tx: Its transaction.
        locked: The session.
        head: The branch that was named.
        lineages: The session's segments.
        tips: All of its tips.
        now: The time, in microseconds since 1970, UTC.
        force: Whether to ignore the leases of others, and related entries.
        actor: The person or program that corrects, for the audit row.
    """

    tx: Transaction
    locked: LockedSession
    head: Head
    lineages: Lineages
    tips: list[Tip]
    now: int
    force: bool
    actor: str | None

    @property
    def conversation(self) -> Conversation:
        """The conversation."""
        return self.locked.conversation

    @property
    def session(self) -> int:
        """The session's internal id."""
        return self.locked.session


def begin(
    tx: Transaction, conversation: Conversation, now: int, branch: str | None, *, force: bool, actor: str | None
) -> Correction:
    """Lock a session for a correction, adopting it first if necessary. It does not count as activity.

    Raises:
        UnknownEntryError: The session is missing.
        UnknownBranchError: The session has no such branch.
        OwnerError: It belongs to another owner.
        LeaseLostError: The conversation's lease was lost.
    """
    locked = bump_version(tx, conversation, now, branch, guard=False, active=False)
    if locked is None and take_over(tx, conversation, now):
        locked = bump_version(tx, conversation, now, branch, guard=False, active=False)
    if locked is None:
        raise unknown_entry(conversation.session_id)
    check_held(tx, conversation, locked.session)
    # A fork that is being written begins again; one that was killed leaves nothing of the corrected entries.
    remove_copies(tx, locked.session)
    head: Any = find_head(tx, conversation, branch)
    lineages = lineages_of(tx, conversation, head)
    tips = tips_of(tx, lineages, head)
    return Correction(tx, ensure_encrypted(tx, locked), head, lineages, tips, now, force, actor)


def check_leases(correction: Correction, tips: Iterable[Tip]) -> None:
    """Let a correction of entries through that some tips see, unless another caller leases one of their branches.

    Raises:
        SessionBusyError: That lease is exclusive, and the correction is not forced.
    """
    conversation = correction.conversation
    if correction.force or not correction.locked.leases:
        return
    owners = {tip.name: tip.owner for tip in correction.tips}
    branches = {_branch_of(tip, owners) for tip in tips}
    for name, *columns in correction.tx.all(lease_statements.LEASES, session=correction.session):
        lease = Lease._make(columns)
        is_others = lease.token != conversation.lease and lease.until > correction.now
        if name in branches and is_others and not lease.is_open:
            raise busy(conversation.session_id, name, lease)


def _branch_of(tip: Tip, owners: dict[str, str | None]) -> str:
    """Return the branch that left a tip; the owner of an attempt's tip is the attempt, and so on."""
    name = tip.name
    while (owner := owners.get(name)) is not None:
        name = owner
    return name


def finish(correction: Correction, what: Literal["redacted", "removed"], corrected: Corrected) -> Corrected:
    """Record a correction, for watchers and for the audit, and return its result."""
    forget_lost_copies(correction.tx, correction.session)
    correction.tx.run(statements.NOTE_CORRECTION, session=correction.session, version=correction.locked.version)
    record_change(correction.tx, correction.locked, what, correction.now)
    done = Done("redact" if what == "redacted" else "remove", correction.actor)
    counts = {"entries": corrected.entries, "summaries": len(corrected.summaries), "sdk_rows": corrected.sdk_rows}
    record(correction.tx, done, correction.conversation.session_id, counts, correction.now)
    return corrected

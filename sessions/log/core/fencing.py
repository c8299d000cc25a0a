"""Whether a lease lets a change of its branch through."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sessions.clock import as_time
from sessions.errors import LeaseLostError, SessionBusyError
from sessions.log.statements import leases as lease_statements

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation


class Lease(NamedTuple):
    """A branch's lease, as it is stored.

    Attributes:
        token: Its number; 0 for none.
        until: When it ends, in microseconds since 1970, UTC: from then on, others may end it.
        is_open: 1 if others may change the branch without a lease.
        begins: The branch's tip when it was taken; or the lowest that it has had since.
        holder: The holder's name, as given.
        claim: Identifies the caller, also in retries.
    """

    token: int = 0
    until: int = 0
    is_open: int = 0
    begins: int = 0
    holder: str | None = None
    claim: str | None = None


def lease_of(tx: Transaction, session: int, branch: str) -> Lease:
    """Return the lease of a branch; one with token 0 if it is free."""
    row = tx.one(lease_statements.LEASE, session=session, branch=branch)
    return Lease._make(row) if row else Lease()


def check_lease(
    tx: Transaction, conversation: Conversation, session: int, branch: str, now: int, *, alone: bool = False
) -> None:
    """Allow a change of a branch of a locked session, ending an expired lease; or raise.

    A change under a lease is allowed as long as no other caller took the lease or changed the branch after its end,
    whatever the clocks say.

    Args:
        tx: A transaction.
        conversation: The session; if it has a lease, the branch is the leased one.
        session: The session's internal id.
        branch: The branch.
        now: The time, in microseconds since 1970, UTC.
        alone: Whether the change would harm another's lease, exclusive or not.

    Raises:
        LeaseLostError: The change is made under a lease that was lost.
        SessionBusyError: Another caller holds the branch, and the lease is exclusive or `alone` is true.
    """
    lease = foresee(tx, conversation, session, branch, now, alone=alone)
    if conversation.lease is None and lease.token and lease.until <= now:
        tx.run(lease_statements.END_LEASE, session=session, branch=branch)


def foresee(
    tx: Transaction, conversation: Conversation, session: int, branch: str, now: int, *, alone: bool = False
) -> Lease:
    """Raise the error of `check_lease` now, before a costly preparation of a change; or return the lease.

    Raises:
        LeaseLostError: As there.
        SessionBusyError: As there.
    """
    lease = lease_of(tx, session, branch)
    if conversation.lease is not None:
        if lease.token != conversation.lease:
            raise lease_lost(conversation.session_id, branch)
    elif lease.token and lease.until > now and (alone or not lease.is_open):
        raise busy(conversation.session_id, branch, lease)
    return lease


def check_any_branch(
    tx: Transaction, conversation: Conversation, session: int, branch: str, now: int, *, alone: bool = False
) -> bool:
    """Do as `check_lease` for a branch that need not be the one with the conversation's lease; tell whether it is.

    Raises:
        LeaseLostError: The conversation's lease was lost.
        SessionBusyError: As there.
    """
    check_held(tx, conversation, session)
    if lease_of(tx, session, branch).token == conversation.lease:
        return True
    # There the lease is of no use.
    check_lease(tx, conversation._replace(lease=None), session, branch, now, alone=alone)
    return False


def check_held(tx: Transaction, conversation: Conversation, session: int | None, branch: str | None = None) -> None:
    """Check that the conversation has no lease, or still holds it, on any branch of a locked session.

    Args:
        tx: A transaction.
        conversation: The session.
        session: The session's internal id; ``None`` if it is missing.
        branch: The leased branch, for the error, if known.

    Raises:
        LeaseLostError: The lease was lost.
    """
    if conversation.lease is None:
        return
    here = {"session": session, "lease": conversation.lease}
    if session is None or tx.one(lease_statements.HOLDS, **here) is None:
        raise lease_lost(conversation.session_id, branch)


def lease_lost(session_id: str, branch: str | None) -> LeaseLostError:
    """Return the error for a change under a lease that was lost."""
    on_branch = f" on branch {branch!r}" if branch else ""
    return LeaseLostError(
        f"session {session_id!r}: the lease{on_branch} is lost, because it expired or was released and "
        "the branch was open to others, or because the branch was deleted. Nothing was changed. Take a "
        "new lease, and read again."
    )


def busy(session_id: str, branch: str, lease: Lease) -> SessionBusyError:
    """Return the error for a caller that finds a branch leased, or free with others waiting for it."""
    if not lease.token:
        return SessionBusyError(
            f"session {session_id!r}: others are waiting for branch {branch!r}. Nothing was changed. Try "
            "again, or wait with on_busy='wait'."
        )
    until = as_time(lease.until)
    holder = "an unnamed holder" if lease.holder is None else repr(lease.holder)
    return SessionBusyError(
        f"session {session_id!r}: branch {branch!r} is leased by {holder} until "
        f"{until:%Y-%m-%d %H:%M:%S} UTC or longer. Nothing was changed. Try again, or wait for a lease. If the lease "
        "is your own, use the session that it gave you.",
        lease.holder,
        until,
    )

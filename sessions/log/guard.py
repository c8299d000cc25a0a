"""Whether a lease lets a change of its branch through."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sessions.clock import as_time
from sessions.errors import LeaseLostError, SessionBusyError
from sessions.log import lease_statements

if TYPE_CHECKING:
    from sessions.log.conversation import Conversation
    from sessions.log.transaction import Transaction


class Lease(NamedTuple):
    """A branch's lease, as it is stored.

    Attributes:
        token: Its number; 0 if there is none.
        until: When it ends, in microseconds since 1970, UTC: from then on, others may end it.
        is_open: 1 if others may change the branch meanwhile, without a lease.
        begins: The branch's tip when it was taken; or the lowest that it has had since.
        holder: Who holds it, as they said.
        claim: Tells who takes it from others, also when they try again.
    """

    token: int = 0
    until: int = 0
    is_open: int = 0
    begins: int = 0
    holder: str | None = None
    claim: str | None = None


def lease_of(tx: Transaction, session: int, branch: str) -> Lease:
    """Return the lease of a branch; one with token 0 if there is none."""
    row = tx.one(lease_statements.LEASE, session=session, branch=branch)
    return Lease._make(row) if row else Lease()


def check_lease(tx: Transaction, conversation: Conversation, session: int, branch: str, now: int) -> None:
    """Let a change of a branch of a locked session through, and end a lease whose time is over; or raise.

    A change under a lease goes through as long as nobody else took the lease or changed the branch after its end,
    whatever the clocks say.

    Raises:
        LeaseLostError: The change is made under a lease that was lost.
        SessionBusyError: Somebody else holds the branch, and keeps others out.
    """
    lease = foresee(tx, conversation, session, branch, now)
    if conversation.lease is None and lease.token and lease.until <= now:
        tx.run(lease_statements.END_LEASE, session=session, branch=branch)


def foresee(tx: Transaction, conversation: Conversation, session: int, branch: str, now: int) -> Lease:
    """Raise what a change of a branch would raise now, before anybody pays for preparing it; or return the lease.

    Raises:
        LeaseLostError: The change is to be made under a lease that was lost.
        SessionBusyError: Somebody else holds the branch, and keeps others out.
    """
    lease = lease_of(tx, session, branch)
    if conversation.lease is not None:
        if lease.token != conversation.lease:
            raise lease_lost(conversation.session_id, branch)
    elif lease.token and lease.until > now and not lease.is_open:
        raise busy(conversation.session_id, branch, lease)
    return lease


def lease_lost(session_id: str, branch: str) -> LeaseLostError:
    """Return the error for a change under a lease that was lost."""
    return LeaseLostError(
        f"session {session_id!r}: the lease on branch {branch!r} is lost: its time was over, or it was given back, and "
        "the branch was open to others; nothing was changed. Begin another turn, and read again"
    )


def busy(session_id: str, branch: str, lease: Lease) -> SessionBusyError:
    """Return the error for who finds a branch leased, or free with others waiting for it."""
    if not lease.token:
        return SessionBusyError(
            f"session {session_id!r}: others wait for branch {branch!r}; nothing was changed. Try again, or wait, too"
        )
    until = as_time(lease.until)
    return SessionBusyError(
        f"session {session_id!r}: branch {branch!r} is held by {lease.holder!r} until {until:%Y-%m-%d %H:%M:%S} UTC or "
        "longer; nothing was changed. Try again, or wait for a turn",
        lease.holder,
        until,
    )

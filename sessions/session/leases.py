"""Leasing a branch: taking the lease, renewing it in the background, releasing it."""

from __future__ import annotations

import logging
import random
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.clock import now
from sessions.db.background import begin
from sessions.db.uncancelled import settle
from sessions.errors import SessionsError, StoreUnreachableError
from sessions.log.core.fencing import busy
from sessions.log.leases import Refused, SetLease, TakeLease, give_up
from sessions.waits.blocking import pause

if TYPE_CHECKING:
    from sessions.db.background import Background
    from sessions.session.handle import Handle

_log = logging.getLogger("sessions")

_FIRST_DELAY: Final = 0.02
_LONGEST_DELAY: Final = 0.25
_GROWTH: Final = 1.5


@dataclass(eq=False)
class Lease:
    """A lease on a branch.

    Attributes:
        branch: The leased branch.
        token: Its fencing token: greater than those of all earlier leases in the session, even if the session was
            deleted and made again. Pass it to other systems that can refuse a lower token than they have seen.
        holder: The name that the holder gave; ``None`` if it gave none.
        lost: Whether renewing has found the lease lost. Changes check this by themselves.
    """

    branch: str
    token: int
    holder: str | None
    lost: bool = field(default=False)


class Wanted(NamedTuple):
    """The parameters of a lease; times are microseconds.

    Attributes:
        holder: The holder's name, as others see it.
        ttl: How long the lease lasts without renewal.
        on_busy: ``wait``, ``reject`` or ``fork``.
        timeout: Seconds to wait.
        is_open: Whether callers without a lease may still change the branch.
    """

    holder: str | None
    ttl: int
    on_busy: str
    timeout: float
    is_open: bool


async def take(handle: Handle, wanted: Wanted) -> Lease:
    """Take the lease of a handle's own branch, or of the current one.

    Raises:
        SessionBusyError: Another caller held it until the time to wait was over.
    """
    claim = secrets.token_hex(8)
    try:
        return await _take(handle, wanted, claim)
    except StoreUnreachableError:
        # Giving the ticket up would wait for the server as long again; an unconfirmed ticket expires soon.
        raise
    except BaseException as error:
        # Cancelled or interrupted, the caller does not know whether the lease was taken.
        if wanted.on_busy == "wait" or not isinstance(error, Exception):
            await settle(_give_up(handle, claim))
        raise


async def _take(handle: Handle, wanted: Wanted, claim: str) -> Lease:
    deadline = time.monotonic() + wanted.timeout
    delay = _FIRST_DELAY
    while True:
        what = handle.conversation, handle.pinned, claim, wanted.holder
        taking = TakeLease(*what, is_open=wanted.is_open, now=now(), ttl=wanted.ttl, otherwise=wanted.on_busy)
        found = await handle.write(taking)
        if not isinstance(found, Refused):
            return Lease(found.branch, found.token, wanted.holder)
        left = deadline - time.monotonic()
        if wanted.on_busy == "reject" or left <= 0:
            raise busy(handle.conversation.session_id, found.branch, found.lease)
        await pause(min(left, delay * random.uniform(0.5, 1)))  # noqa: S311 - no secret
        delay = min(delay * _GROWTH, _LONGEST_DELAY)


async def _give_up(handle: Handle, claim: str) -> None:
    # If this fails as well, the ticket and the lease expire by themselves.
    with suppress(SessionsError):
        await handle.write(partial(give_up, session_id=handle.conversation.session_id, claim=claim))


async def keep(handle: Handle, lease: Lease, ttl: int) -> Background:
    """Renew a lease in the background; if that cannot be begun, the lease is released."""
    try:
        return begin(handle.backend, partial(renew, handle, lease, ttl), "sessions-lease")
    except BaseException:
        await settle(_release(handle, lease))
        raise


async def renew(handle: Handle, lease: Lease, ttl: int) -> None:
    """Renew a lease again and again, until it is lost or this task is cancelled."""
    while not lease.lost:
        await pause(ttl / 3 / 1_000_000)
        # A failed renewal is not yet a lost lease: the next attempt decides.
        with suppress(SessionsError):
            lease.lost = not await handle.write(_set(handle, lease, now() + ttl))
    _log.warning("%s: the lease on branch %r is lost. Changes by its holder are refused.", handle.subject, lease.branch)


async def give_back(handle: Handle, lease: Lease, renewing: Background) -> None:
    """Release a lease that was renewed in the background. If that fails, the lease expires by itself.

    A caller that is cancelled, even repeatedly, gets its `CancelledError` afterwards.
    """
    renewing.cancel()
    await settle(_give_back(handle, lease, renewing))


async def _give_back(handle: Handle, lease: Lease, renewing: Background) -> None:
    await renewing.ended()
    await _release(handle, lease)


async def _release(handle: Handle, lease: Lease) -> None:
    try:
        await handle.write(_set(handle, lease, 0))
    except SessionsError as error:
        _log.warning(
            "%s: the lease on branch %r was not released (%s). It expires by itself.",
            handle.subject,
            lease.branch,
            type(error).__name__,
        )


def _set(handle: Handle, lease: Lease, until: int) -> SetLease:
    return SetLease(handle.conversation.session_id, lease.branch, lease.token, until)

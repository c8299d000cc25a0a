"""Taking a lease, renewing it and giving it back on Postgres: one statement each.

They mean what `log/leases.py` means where the branch is free, has a row, and nobody waits for it. The session's row is
locked first by who takes one, so changes of the branch come before it or after it. Renewing and giving back touch the
branch's row alone, and only if the lease is still the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sessions.db.transaction import Statement
from sessions.log.core.heads import number_of

if TYPE_CHECKING:
    from sessions.log.leases import SetLease, TakeLease

TAKE_LEASE: Final = Statement(
    """Take a branch, the current one unless named, that nobody holds or waits for; its name and the lease's number.

    Numbers begin where `NEXT_NUMBER` of `log/statements/leases.py` has them begin.
    """,
    """
    with counted as (
        update {sessions} s set leases = case when s.leases = 0 then s.id * 16777216 else s.leases end + 1
        where s.session_id = $1 and s.seal is not distinct from $8::bytea and exists (
            select 1 from {branches} b
            where b.session = s.id and b.name = coalesce($2::text, s.branch) and b.lease_until <= $3::bigint
            and ($9::bigint = 0 or b.made_in = $9::bigint - s.id * 16777216)
        ) and not exists (
            select 1 from {waiting} w
            where w.session = s.id and w.branch = coalesce($2::text, s.branch) and w.until > $3::bigint
        ) returning s.id, s.leases, coalesce($2::text, s.branch) as branch
    )
    update {branches} b set lease_token = c.leases, lease_until = $4::bigint, lease_open = $5::smallint,
    lease_from = b.tip, lease_holder = $6::text, lease_claim = $7::text
    from counted c where b.session = c.id and b.name = c.branch and b.lease_until <= $3::bigint
    and ($9::bigint = 0 or b.made_in = $9::bigint - c.id * 16777216)
    returning b.name, b.lease_token, b.session * 16777216 + b.made_in
    """,
)
SET_LEASE: Final = Statement(
    "Let a lease end at another time, or now; a row if it was still held.",
    """
    update {branches} b set lease_until = $4::bigint, lease_token = case when $4::bigint = 0 then 0 else $3::bigint end
    from {sessions} s where s.session_id = $1 and b.session = s.id and b.name = $2::text and b.lease_token = $3::bigint
    returning 1
    """,
)


def take_values(take: TakeLease, seal: bytes | None) -> tuple[Any, ...]:
    """Return the parameters of `TAKE_LEASE`; `seal` is the session's, which the caller's key opens."""
    conversation = take.conversation
    return (
        conversation.session_id, take.branch, take.now, take.now + take.ttl, int(take.is_open), take.holder, take.claim,
        seal, number_of(take.branch),
    )  # fmt: skip


def set_values(lease: SetLease) -> tuple[Any, ...]:
    """Return the parameters of `SET_LEASE`."""
    return lease.session_id, lease.branch, lease.token, lease.until

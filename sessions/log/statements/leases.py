"""The statements about leases; a session's row is locked before those that take one."""

from __future__ import annotations

from sessions.db.dialect import MARIADB
from sessions.db.transaction import Statement

LEASE = Statement(
    "A branch's lease.",
    """
    select lease_token, lease_until, lease_open, lease_from, lease_holder, lease_claim from {branches}
    where session = :session and name = :branch
    """,
)
LEASES = Statement(
    "The leases of a session's branches.",
    """
    select name, lease_token, lease_until, lease_open, lease_from, lease_holder, lease_claim from {branches}
    where session = :session and lease_token > 0
    """,
)
HOLDS = Statement(
    "A row if a lease is held on one of a session's branches.",
    "select 1 from {branches} where session = :session and lease_token = :lease",
)

NUMBERS = 1 << 24
"""How many numbers of leases and waiters belong to each session's internal id: its first one is ``id * NUMBERS + 1``.

Internal ids rise and are never given twice. So whoever held a lease of a session that was deleted has no number of the
one that was made anew under its name, whose numbers are higher: who compares them elsewhere need not know of deletions.
Only a session with more than sixteen million leases would go on into the numbers of the next one. Those of the first
half a billion sessions are below 2^53, so that readers of JSON who know no integers beyond have them exactly.
"""

_COUNT = """
    update {sessions} set leases = case when leases = 0 then id * 16777216 else leases end + 1 where id = :session
"""
NEXT_NUMBER = Statement(
    "Give a number to a lease or to a waiter; it is never given again, also not after deleting: see `NUMBERS`.",
    _COUNT + " returning leases",
    {MARIADB: (_COUNT, "select leases from {sessions} where id = :session")},
)
PUT_LEASE = Statement(
    "Lease a branch.",
    """
    update {branches} set lease_token = :token, lease_until = :until, lease_open = :is_open, lease_from = :begins,
    lease_holder = :holder, lease_claim = :claim where session = :session and name = :branch
    """,
)
END_LEASE = Statement(
    "End a branch's lease.",
    "update {branches} set lease_token = 0, lease_until = 0 where session = :session and name = :branch",
)
RENEW_LEASE = Statement(
    "Let a branch's lease end later.",
    "update {branches} set lease_until = :until where session = :session and name = :branch",
)
GIVE_UP = Statement(
    "End a lease by its claim.",
    """
    update {branches} set lease_token = 0, lease_until = 0
    where session = :session and lease_claim = :claim and lease_token > 0
    """,
)
CLAIMED = Statement(
    "The branch that somebody leased by a claim, which is not used again, and its lease's number; 0 if that has ended.",
    "select name, made_in, lease_token, lease_from from {branches} where session = :session and lease_claim = :claim",
)
FIRST_WAITING = Statement(
    "Who waits longest for a branch.",
    """
    select claim from {waiting} where session = :session and branch = :branch and until > :now
    order by ticket limit 1
    """,
)
FORGET_VOID = Statement(
    "Remove the tickets of those who do not wait any more.",
    "delete from {waiting} where session = :session and until <= :now",
)
FORGET_ABANDONED = Statement(
    "Remove the tickets of those who have not waited for an hour, of whatever sessions.",
    "delete from {waiting} where until <= {clock} - 3600000000",
)
WAITS = Statement(
    "Show a ticket again; no row if there is none.",
    """
    update {waiting} set until = :until where session = :session and branch = :branch and claim = :claim
    returning ticket
    """,
    {
        MARIADB: (
            "update {waiting} set until = :until where session = :session and branch = :branch and claim = :claim",
            "select ticket from {waiting} where session = :session and branch = :branch and claim = :claim",
        )
    },
)
WAIT = Statement(
    "Begin to wait for a branch.",
    """
    insert into {waiting} (session, ticket, branch, claim, until)
    values (:session, :ticket, :branch, :claim, :until)
    """,
)
WAIT_NO_MORE = Statement(
    "Remove a ticket.",
    "delete from {waiting} where session = :session and claim = :claim",
)
FORGET_WAITING = Statement(
    "Remove a session's tickets.",
    "delete from {waiting} where session = :session",
)

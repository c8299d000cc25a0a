"""Conditions on a branch's row, ``b``, before a change: written once, for all statements.

The time, the change's lease (0 without one) and the meant branch's number (0 for any with the name) are each a
parameter or a column.
"""

from __future__ import annotations

from sessions.clock import MINUTE


def may_change(*, lease: str, now: str, number: str) -> str:
    """Return the condition that a change may extend a branch.

    The growing segment is the branch's own, the branch is the meant one (see `BranchName`), the change passes the lease
    (see `log/core/fencing.py`), and the row is possible.
    """
    return f"b.may_extend = 1 and {is_meant(number)} and {passes_lease(lease, now)} and {{intact}}"


def passes_lease(lease: str, now: str) -> str:
    """Return the condition that a change passes the branch's lease.

    With a lease, the branch still has to be held by it. Without one, the branch must be free, or its lease not
    exclusive.
    """
    return f"case when {lease} = 0 then b.lease_until <= {now} or b.lease_open = 1 else b.lease_token = {lease} end"


def is_owners(owner: str) -> str:
    """Return the condition that a session's row, ``s``, has an owner, if one is wanted."""
    return f"({owner} is null or s.owner = {owner})"


def active_at(now: str) -> str:
    """Return when a session's row, ``s``, was active after a change: at most once a minute this is another time.

    The value stays the same in between, so Postgres touches no index and the row's next version stays on its page.
    """
    return f"case when s.active_at <= {now} - {MINUTE} then {now} else s.active_at end"


def tags_stay(now: str) -> str:
    """Return the condition that a change of a session's row, ``s``, leaves its tags as they are."""
    return f"(s.tagged = 0 or s.active_at > {now} - {MINUTE})"


def is_meant(number: str) -> str:
    """Return the condition that the branch is the one with a number, if one is meant."""
    return f"({number} = 0 or b.made_in = {number} - b.session * 16777216)"


def end_lapsed_lease(lease: str, now: str) -> str:
    """Return the assignments by which a change without a lease ends one whose time is over."""
    lapsed = f"{lease} = 0 and b.lease_until <= {now}"
    return (
        f"lease_token = case when {lapsed} then 0 else b.lease_token end, "
        f"lease_until = case when {lapsed} then 0 else b.lease_until end"
    )

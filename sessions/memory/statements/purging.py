"""Statements about memories that have expired."""

from __future__ import annotations

from typing import Final

from sessions.db.dialect import MARIADB, POSTGRES
from sessions.db.lists import parameters
from sessions.db.transaction import Statement
from sessions.memory.statements.memories import AT_ONCE

_DUE: Final = "expires_at is not null and expires_at <= :now and expires_at <= {clock}"
"""By the caller's time and the database's: a clock that is ahead removes nothing that others still see."""

EXPIRED = Statement(
    "Some memories that have expired, the longest first.",
    f"select space, id from {{memories}} where {_DUE} order by expires_at limit :count",  # noqa: S608 - of this module
)

_THESE: Final = f"where id in ({parameters('m', AT_ONCE)}) and {_DUE} order by id"
_STILL_EXPIRED: Final = f"select id, name from {{memories}} {_THESE}"  # noqa: S608 - as above
# By their ids: MariaDB locks, and waits for, all rows that it looks at.
_ON_MARIADB: Final = f"select id, name from {{memories}} force index (primary) {_THESE}"  # noqa: S608 - as above

LOCK_EXPIRED = Statement(
    """Lock those of some memories that have expired, and return their keys.

    A namespace's lock is not enough: reads that refresh memories take none.
    """,
    f"{_STILL_EXPIRED} {{for_update}}",
    {MARIADB: f"{_ON_MARIADB} {{for_update}}"},
)

LOCK_FREE_EXPIRED = Statement(
    "The same, without those that another process has locked.",
    _STILL_EXPIRED,
    {
        POSTGRES: f"{_STILL_EXPIRED} for update skip locked",
        MARIADB: f"{_ON_MARIADB} for update skip locked",
    },
)

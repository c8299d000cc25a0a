"""Statements about memories that have expired."""

from __future__ import annotations

from typing import Final

from sessions.db.lists import parameters
from sessions.db.transaction import Statement
from sessions.memory.statements.memories import AT_ONCE

_DUE: Final = "expires_at is not null and expires_at <= :now and expires_at <= {clock}"
"""By the caller's time and the database's: a clock that is ahead removes nothing that others still see."""

EXPIRED = Statement(
    "Some memories that have expired, the longest first.",
    f"select space, id from {{memories}} where {_DUE} order by expires_at limit :count",  # noqa: S608 - of this module
)

STILL_EXPIRED = Statement(
    "The keys of those of some memories that have expired.",
    f"select id, name from {{memories}} where id in ({parameters('m', AT_ONCE)}) and {_DUE}",  # noqa: S608 - as above
)

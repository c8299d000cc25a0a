"""Waits for locked rows that end soon: then a change gives its connection back, and tries again a little later.

So a row that another process holds for long, as one that was stopped amid a change does, keeps no others waiting: not
those that are sent in the same statement, and not those that need a connection of the pool.
"""

from __future__ import annotations

from typing import Final

from sessions.db.dialect import POSTGRES
from sessions.db.transaction import Statement

_MILLISECONDS: Final = 500
"""Less than Postgres's `deadlock_timeout`, and longer than other changes of the same row take."""

WAIT_BRIEFLY: Final = f"set_config('lock_timeout', '{_MILLISECONDS}ms', true)"
"""On Postgres, an expression that bounds the waits of its transaction."""

BRIEFLY: Final = f"(select {WAIT_BRIEFLY}) is not null"
"""A condition that always holds, and bounds the waits of its statement. It is checked once, before any row."""

WAIT_LONG: Final = Statement(
    "Wait for locks as long as it takes, as migrations do, which lock whole tables.",
    "select 1",
    {POSTGRES: "select set_config('lock_timeout', '0', true)"},
)

"""Idempotency keys that end, by the database's time: a key is then forgotten and counts as new.

Writers' clocks do not matter: a wrong one would end the keys of others, and their retries would be added twice. Rows of
ended keys are removed in batches, beside later changes of any sessions (`upkeep.py`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from sessions.log.statements import records as record_statements

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction

KEY_LIFE: Final = 30 * 24 * 60 * 60 * 1_000_000
"""Microseconds for which a key that a caller gave is known."""

MADE_LIFE: Final = 15 * 60 * 1_000_000
"""The same for one that a store made, so that an append can be repeated if its answer is lost: longer than an attempt
and its retries take, unless ``attempt_timeout`` is as long."""

FIRST_GIVEN: Final = " "
"""No key that a caller gave is below this, and every key that a store made for itself is."""


_MADE: Final = "\x01"


def made_key(now: int) -> str:
    """Return a new key, for an append that a caller gave none, so that it can be repeated if its answer is lost."""
    return f"{_MADE}{now:016x}{os.urandom(8).hex()}"


def is_given(key: str) -> bool:
    """Tell whether a caller gave a key."""
    return key >= FIRST_GIVEN


def life_of(key: str) -> int:
    """Return for how long a key is known, in microseconds."""
    return KEY_LIFE if is_given(key) else MADE_LIFE


def forget_settled_keys(tx: Transaction, keys: list[tuple[str, str]]) -> None:
    """Remove keys, each with its session: their appends have been answered, so they need not wait for their end."""
    session_ids, names = zip(*keys, strict=True)
    tx.run(record_statements.FORGET_SETTLED_KEYS, session_ids=list(session_ids), keys=list(names))


def forget_ended_keys(tx: Transaction, count: int) -> bool:
    """Remove up to `count` keys that have ended, and tell whether there may be more."""
    return len(tx.all(record_statements.FORGET_ENDED_KEYS, count=count)) == count

"""Idempotency keys that end: from a stated age on, a key that a caller gave is one that never came.

That is decided by the times of appends alone. Their rows are removed later, in batches: when the session is appended to
with another key, and by purging. So are the keys that a store makes for itself, where a lost answer may make it repeat
an append.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.log import record_statements, session_statements

if TYPE_CHECKING:
    from sessions.log.transaction import Transaction

KEY_LIFE: Final = 30 * 24 * 60 * 60 * 1_000_000
"""Microseconds for which a key that a caller gave is known."""

MADE_LIFE: Final = 24 * 60 * 60 * 1_000_000
"""Microseconds for which purging keeps one that a store made: longer than an attempt and its retries take."""

FIRST_GIVEN: Final = " "
"""No key that a caller gave is below this, and every key that a store made for itself is."""

_AT_ONCE: Final = 100
"""Keys that an append removes at most: it brings one."""


def is_old(created_at: int, now: int) -> bool:
    """Tell whether a key that came at a time is known no more."""
    return created_at <= now - KEY_LIFE


def forget_old_keys(tx: Transaction, session: int, now: int, count: int = _AT_ONCE) -> int:
    """Remove up to `count` old keys of a locked session, and return how many that were."""
    return len(tx.all(record_statements.FORGET_OLD_KEYS, session=session, before=now - KEY_LIFE, count=count))


def purge_old_keys(tx: Transaction, session: int, now: int, count: int) -> int:
    """Lock a session and remove up to `count` old keys of it; return how many that were."""
    if tx.one(session_statements.LOCK_SESSION_ROW, session=session) is None:
        return 0
    return len(tx.all(record_statements.PURGE_KEYS, session=session, count=count, **_times(now)))


def find_old_keys(tx: Transaction, now: int, count: int, after: int) -> list[int]:
    """Return up to `count` sessions with old keys, by their internal ids, from behind one. All keys are looked at."""
    return [row[0] for row in tx.all(record_statements.WITH_OLD_KEYS, count=count, after=after, **_times(now))]


def _times(now: int) -> dict[str, int]:
    return {"before": now - KEY_LIFE, "made_before": now - MADE_LIFE}

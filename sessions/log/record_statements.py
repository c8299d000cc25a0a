"""Statements about what is noted of a session's changes: idempotency keys, and the record of what was not an append."""

from __future__ import annotations

from sessions.log.dialect import MARIADB
from sessions.log.transaction import Statement

SEEN_KEY = Statement(
    "The digest of what an idempotency key stands for, and when it came.",
    "select digest, created_at from {appends} where session = :session and idempotency_key = :idempotency_key",
)

REMEMBER_KEY = Statement(
    "Note what an append with an idempotency key added.",
    """
    insert into {appends} (session, idempotency_key, digest, version, tip, created_at)
    values (:session, :idempotency_key, :digest, :version, :tip, :now)
    """,
)

FORGET_KEY = Statement(
    "Remove an idempotency key.",
    "delete from {appends} where session = :session and idempotency_key = :idempotency_key",
)


def _forget_some(purpose: str, which: str) -> Statement:
    """Return a statement that removes some of a session's idempotency keys; it has a row for each."""
    return Statement(
        purpose,
        f"""
        delete from {{appends}} where session = :session and idempotency_key in (
            select idempotency_key from {{appends}} where session = :session and {which} limit :count
        ) returning session
        """,  # noqa: S608 - conditions, by words of this module.
        {
            # It has no limit in a subquery, but one for what is deleted.
            MARIADB: f"""
            delete from {{appends}} where session = :session and {which} limit :count returning session
            """  # noqa: S608 - conditions, by words of this module.
        },
    )


FORGET_OLD_KEYS = _forget_some(
    "Remove some of a session's idempotency keys that callers gave before a time, the oldest first, by an index.",
    "created_at <= :before and idempotency_key >= ' ' order by created_at",
)

_KNOWN_NO_MORE = "(created_at <= :before or created_at <= :made_before and idempotency_key < ' ')"

PURGE_KEYS = _forget_some(
    "The same of keys that came before a time, one for those that callers gave and one for others.", _KNOWN_NO_MORE
)

WITH_OLD_KEYS = Statement(
    "Sessions that have such keys.",
    f"""
    select distinct session from {{appends}} where session > :after and {_KNOWN_NO_MORE} order by session limit :count
    """,  # noqa: S608 - words of this module.
)

FORGET_KEYS = Statement(
    "Remove a session's idempotency keys.",
    "delete from {appends} where session = :session",
)

CHANGES_BETWEEN = Statement(
    "What was noted between two versions, without the first and with the second.",
    """
    select version, what, created_at from {changes}
    where session = :session and version > :after and version <= :until order by version
    """,
)

RECORD_CHANGE = Statement(
    "Note a change that is not an append.",
    "insert into {changes} (session, version, what, created_at) values (:session, :version, :what, :now)",
)

FORGET_CHANGES = Statement(
    "Remove a session's record of changes up to a version.",
    "delete from {changes} where session = :session and version <= :version",
)

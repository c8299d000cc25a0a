"""Statements about the records of a session's changes: idempotency keys, and changes other than appends."""

from __future__ import annotations

from sessions.db.dialect import MARIADB, POSTGRES
from sessions.db.transaction import Statement

SEEN_KEY = Statement(
    "The digest of what an idempotency key stands for, and 1 if it has ended or only another attempt knows it.",
    """
    select digest, case when until <= {clock} or attempt not in (0, :attempt) then 1 else 0 end from {appends}
    where session = :session and idempotency_key = :idempotency_key
    """,
)

REMEMBER_KEY = Statement(
    "Note what an append with an idempotency key added.",
    """
    insert into {appends} (session, idempotency_key, digest, version, tip, created_at, until, attempt)
    values (:session, :idempotency_key, :digest, :version, :tip, :now, {clock} + :life, :attempt)
    """,
)

FORGET_KEY = Statement(
    "Remove an idempotency key.",
    "delete from {appends} where session = :session and idempotency_key = :idempotency_key",
)

SHARE_ATTEMPTS_KEYS = Statement(
    "Let every branch know the keys that an attempt used, as its items are on a branch now.",
    "update {appends} set attempt = 0 where session = :session and attempt = :attempt",
)

FORGET_ATTEMPTS_KEYS = Statement(
    "Remove the keys that an attempt used.",
    "delete from {appends} where session = :session and attempt = :attempt",
)

FORGET_ENDED_KEYS = Statement(
    "Remove some idempotency keys that have ended, of whatever sessions, the oldest first; a row for each.",
    """
    delete from {appends} where (session, idempotency_key) in (
        select session, idempotency_key from {appends} where until <= {clock} order by until limit :count
    ) returning session
    """,
    {
        # Those that another process is about to remove are left to it.
        POSTGRES: """
        with ended as materialized (
            select session, idempotency_key from {appends} where until <= {clock}
            order by until limit :count for update skip locked
        )
        delete from {appends} p using ended e
        where p.session = e.session and p.idempotency_key = e.idempotency_key returning p.session
        """,
        # MariaDB has no limit in a subquery, but one for deleted rows.
        MARIADB: "delete from {appends} where until <= {clock} order by until limit :count returning session",
    },
)

FORGET_SETTLED_KEYS = Statement(
    "Remove idempotency keys of sessions by the ids that users give, on Postgres: both are arrays.",
    """
    delete from {appends} p
    using unnest(cast(:session_ids as text[]), cast(:keys as text[])) k (session_id, idempotency_key)
    join {sessions} s on s.session_id = k.session_id
    where p.session = s.id and p.idempotency_key = k.idempotency_key
    """,
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

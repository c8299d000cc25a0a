"""Every statement of the log, named, with its purpose in a line.

SQL here is the portable subset. Parameters are ``:named``; ``{word}`` is one of our tables. The second part of an
entry's id is its position, so all entries of a segment up to a tip are ``id > segment << 32 and id <= segment
<< 32 | tip``; the shift is written as a multiplication, which every database has. Every change updates its
session's row first: on a database with row locks, that is the lock under which the rest happens.
"""

from __future__ import annotations

from sessions.log.dialect import MARIADB, POSTGRES
from sessions.log.transaction import Statement

# --- Sessions -------------------------------------------------------------------------------------------------

RAISE_VERSION = Statement(
    "Lock a session for a change and raise its version.",
    """
    update {sessions} set version = version + 1, updated_at = :now where session_id = :session_id
    returning id, version, branch
    """,
    {
        MARIADB: (
            "update {sessions} set version = version + 1, updated_at = :now where session_id = :session_id",
            "select id, version, branch from {sessions} where session_id = :session_id",
        )
    },
)
CREATE_SESSION = Statement(
    "Make a session's row; its version begins with the change that makes it. No row if another was first.",
    """
    insert into {sessions} (session_id, version, branch, created_at, updated_at)
    values (:session_id, 1, :branch, :created_at, :now) on conflict (session_id) do nothing
    returning id, version, branch
    """,
    {
        MARIADB: """
        insert ignore into {sessions} (session_id, version, branch, created_at, updated_at)
        values (:session_id, 1, :branch, :created_at, :now) returning id, version, branch
        """
    },
)
LOCK_SESSION = Statement(
    "Lock a session without changing it.",
    "select id from {sessions} where session_id = :session_id",
    dict.fromkeys((POSTGRES, MARIADB), "select id from {sessions} where session_id = :session_id for update"),
)
DELETE_SESSION = Statement(
    "Remove a session's row.",
    "delete from {sessions} where id = :session",
)
_LIST_SESSIONS = """
    with recursive page (id, session_id, branch, created_at, updated_at) as (
        select id, session_id, branch, created_at, updated_at from {sessions}
        where id < :before order by id desc limit :count
    ), lineage (session, segment, high) as (
        select b.session, b.segment, b.tip from page p join {branches} b on b.session = p.id and b.name = p.branch
        union all
        select l.session, g.parent, case when g.fork_position < l.high then g.fork_position else l.high end
        from lineage l join {segments} g on g.id = l.segment where g.parent is not null
    )
    select p.id, p.session_id, p.created_at, p.updated_at, (
        select count(*) from lineage l join {entries} e
        on e.id > l.segment * 4294967296 and e.id <= l.segment * 4294967296 + l.high
        where l.session = p.id
    ) from page p order by p.id desc
"""
LIST_SESSIONS = Statement(
    "A page of sessions, the newest first, each with the number of items on its current branch.",
    _LIST_SESSIONS,
    {MARIADB: _LIST_SESSIONS.replace("p.session_id,", "convert(p.session_id using utf8mb4),")},
)

# --- Branches and segments ------------------------------------------------------------------------------------

HEAD = Statement(
    "A branch of a session, the current one unless named.",
    """
    select s.id, b.name, b.segment, b.tip, b.turn, b.floor, b.parent, b.fork_position
    from {sessions} s left join {branches} b on b.session = s.id and b.name = coalesce(:branch, s.branch)
    where s.session_id = :session_id
    """,
)
ADVANCE_TIP = Statement(
    "Reserve positions at the end of a branch's own segment; no row if the branch may not grow there.",
    """
    update {branches} set tip = tip + :count, turn = turn + :turns
    where session = :session and name = :branch and may_grow = 1
    returning segment, tip, turn
    """,
    {
        MARIADB: (
            """
            update {branches} set tip = tip + :count, turn = turn + :turns
            where session = :session and name = :branch and may_grow = 1
            """,
            "select segment, tip, turn from {branches} where session = :session and name = :branch and may_grow = 1",
        )
    },
)
MOVE_TIP = Statement(
    "Put a branch's tip somewhere else.",
    """
    update {branches} set tip = :tip, turn = :turn, may_grow = may_grow * :may_grow
    where session = :session and name = :branch
    """,
)
CREATE_SEGMENT = Statement(
    "Open a segment, forked from a position of its parent.",
    """
    insert into {segments} (session, parent, fork_position) values (:session, :parent, :fork_position)
    returning id
    """,
)
PUT_BRANCH = Statement(
    "Put a branch on the start of a segment that it alone extends; nothing at or below the tip is its own.",
    """
    insert into {branches} (session, name, segment, parent, fork_position, tip, turn, floor, may_grow)
    values (:session, :branch, :segment, :parent, :tip, :tip, :turn, :tip, 1)
    on conflict (session, name) do update set segment = excluded.segment, parent = excluded.parent,
    fork_position = excluded.fork_position, tip = excluded.tip, turn = excluded.turn, floor = excluded.floor,
    may_grow = 1
    """,
    {
        MARIADB: """
        insert into {branches} (session, name, segment, parent, fork_position, tip, turn, floor, may_grow)
        values (:session, :branch, :segment, :parent, :tip, :tip, :turn, :tip, 1)
        on duplicate key update segment = values(segment), parent = values(parent),
        fork_position = values(fork_position), tip = values(tip), turn = values(turn), floor = values(floor),
        may_grow = 1
        """
    },
)
SEGMENT_ORIGIN = Statement(
    "Where a segment was forked.",
    "select parent, fork_position from {segments} where id = :segment",
)
SEGMENTS = Statement(
    "All segments of a session.",
    "select id from {segments} where session = :session",
)
DELETE_SEGMENTS = Statement(
    "Remove a session's segments.",
    "delete from {segments} where session = :session",
)
DELETE_BRANCHES = Statement(
    "Remove a session's branches.",
    "delete from {branches} where session = :session",
)

# --- Entries --------------------------------------------------------------------------------------------------

ADD_ENTRY = Statement(
    "Store an item.",
    """
    insert into {entries} (id, version, turn, kind, tool_name, created_at, payload)
    values (:id, :version, :turn, :kind, :tool_name, :created_at, :payload)
    """,
)
PAYLOADS_BACKWARD = Statement(
    "Payloads of one segment, the newest first.",
    """
    select id, payload from {entries} where id > :low and id <= :high
    order by id desc limit :count
    """,
)
ENTRIES_BACKWARD = Statement(
    "Payloads of one segment with what the log knows of them, the newest first.",
    """
    select id, payload, kind, turn from {entries} where id > :low and id <= :high
    order by id desc limit :count
    """,
)
DELETE_ENTRY = Statement(
    "Remove one entry.",
    "delete from {entries} where id = :id",
)
DELETE_ENTRIES = Statement(
    "Remove a range of entries.",
    "delete from {entries} where id > :low and id <= :high",
)

# --- Idempotency keys and the record of changes ---------------------------------------------------------------

SEEN_KEY = Statement(
    "The digest of what an idempotency key stands for.",
    "select digest from {appends} where session = :session and idempotency_key = :idempotency_key",
)
REMEMBER_KEY = Statement(
    "Note what an append with an idempotency key added.",
    """
    insert into {appends} (session, idempotency_key, digest, version, tip, created_at)
    values (:session, :idempotency_key, :digest, :version, :tip, :now)
    """,
)
FORGET_KEYS = Statement(
    "Remove a session's idempotency keys.",
    "delete from {appends} where session = :session",
)
RECORD_CHANGE = Statement(
    "Note a change that is not an append.",
    "insert into {changes} (session, version, what, created_at) values (:session, :version, :what, :now)",
)
FORGET_CHANGES = Statement(
    "Remove a session's record of changes up to a version.",
    "delete from {changes} where session = :session and version <= :version",
)

# --- Schema ---------------------------------------------------------------------------------------------------

COLUMNS = Statement(
    "The names of a table's columns; none if there is no such table.",
    "select name from pragma_table_info(:table)",
    dict.fromkeys(
        (POSTGRES, MARIADB),
        """
        select column_name from information_schema.columns where table_schema = {schema_here} and table_name = :table
        """,
    ),
)
SCHEMA_VERSION = Statement(
    "The number of the last migration.",
    "select coalesce(max(number), 0) from {schema}",
)
MIGRATION_APPLIED = Statement(
    "Note a migration.",
    "insert into {schema} (number, applied_at) values (:number, :now) on conflict (number) do nothing",
    {MARIADB: "insert ignore into {schema} (number, applied_at) values (:number, :now)"},
)
LOCK_SCHEMA = Statement(
    "Let no other process migrate until this transaction ends, and return 1; SQLite's does that by itself.",
    "select 1",
    {
        # The key is "agentlog" in ASCII.
        POSTGRES: "select 1 from pg_advisory_xact_lock(7018422474229378919)",
        MARIADB: "select get_lock('agent_log_schema', 60)",
    },
)
UNLOCK_SCHEMA = Statement(
    "Let other processes migrate where that lock does not end with the transaction.",
    "select 1",
    {MARIADB: "do release_lock('agent_log_schema')"},
)

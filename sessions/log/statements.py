"""Every statement of the log, named, with its purpose in a line.

SQL here is the portable subset. Parameters are ``:named``; ``{word}`` is one of our tables. The second part of an
entry's id is its position, so all entries of a segment up to a tip are ``id > segment << 32 and id <= segment
<< 32 | tip``; the shift is written as a multiplication, which every database has. Every change updates its
session's row first: on a database with row locks, that is the lock under which the rest happens.
"""

from __future__ import annotations

from sessions.log.dialect import MARIADB, POSTGRES, SQLITE
from sessions.log.transaction import Statement

_ENDLESSLY = "set statement max_recursive_iterations = 4294967295 for "
"""MariaDB ends a recursion after 1,000 steps and returns what it has: a deep lineage would lose its beginning."""


def _recursive(purpose: str, sql: str) -> Statement:
    """Return a statement whose recursion is as deep as a lineage may be."""
    return Statement(purpose, sql, {MARIADB: _ENDLESSLY + sql})


# --- Sessions -------------------------------------------------------------------------------------------------

_RAISE_VERSION = "update {sessions} set version = version + 1, updated_at = :now where session_id = :session_id"
RAISE_VERSION = Statement(
    "Lock a session for a change and raise its version.",
    _RAISE_VERSION + " returning id, version, branch, seal, leases",
    {
        POSTGRES: _RAISE_VERSION + " returning id, version, branch, seal, leases, {tell_watchers}",
        MARIADB: (
            _RAISE_VERSION,
            "select id, version, branch, seal, leases from {sessions} where session_id = :session_id",
        ),
    },
)
_CREATE_SESSION = """
    insert into {sessions} (session_id, version, branch, seal, created_at, updated_at)
    values (:session_id, 1, :branch, :seal, :created_at, :now)
"""
_RAISE_INSTEAD = """
    on conflict (session_id) do update set version = {sessions}.version + 1, updated_at = excluded.updated_at
    returning id, version, branch, seal, leases
"""
CREATE_SESSION = Statement(
    "Make a session's row, whose version is 1; if another process was first, raise its version instead.",
    _CREATE_SESSION + _RAISE_INSTEAD,
    {
        POSTGRES: _CREATE_SESSION + _RAISE_INSTEAD + ", {tell_watchers}",
        MARIADB: _CREATE_SESSION
        + """
        on duplicate key update version = version + 1, updated_at = values(updated_at)
        returning id, version, branch, seal, leases
        """,
    },
)
LOCK_SESSION = Statement(
    "Lock a session without changing it.",
    "select id, seal from {sessions} where session_id = :session_id",
    dict.fromkeys((POSTGRES, MARIADB), "select id, seal from {sessions} where session_id = :session_id for update"),
)
LOCK_SESSION_ROW = Statement(
    "Lock a session by its internal id.",
    "select id from {sessions} where id = :session",
    dict.fromkeys((POSTGRES, MARIADB), "select id from {sessions} where id = :session for update"),
)
RAISE_VERSION_OF = Statement(
    "Raise a locked session's version; when it was last changed stays, as nobody has used it.",
    "update {sessions} set version = version + 1 where id = :session returning version",
    {
        POSTGRES: "update {sessions} set version = version + 1 where id = :session returning version, {tell_watchers}",
        MARIADB: (
            "update {sessions} set version = version + 1 where id = :session",
            "select version from {sessions} where id = :session",
        ),
    },
)
VERSION = Statement(
    "A session's version.",
    "select version from {sessions} where session_id = :session_id",
)
SET_SEAL = Statement(
    "Give a session another seal.",
    "update {sessions} set seal = :seal where id = :session",
)
SEALED_ENTRY = Statement(
    "An entry of a range whose payload begins as sealed ones do.",
    """
    select id from {entries} where id > :low and id <= :high and substr(payload, 1, 1) between :first and :last limit 1
    """,
)
HOLDS_SOMETHING = Statement(
    "A row if a session has, or had, an entry.",
    "select 1 from {branches} where session = :session and tip > 0 limit 1",
)
SESSION_TIMES = Statement(
    "A session's current branch, when it was made and last changed, and its seal.",
    "select id, branch, created_at, updated_at, seal from {sessions} where session_id = :session_id",
)
DELETE_SESSION = Statement(
    "Remove a session's row.",
    "delete from {sessions} where id = :session",
    {POSTGRES: "delete from {sessions} where id = :session returning {tell_watchers}"},
)
_LIST_SESSIONS = """
    with recursive page (id, session_id, branch, created_at, updated_at) as (
        select id, session_id, branch, created_at, updated_at from {sessions}
        where id < :before order by id desc limit :count
    ), lineage (session, segment, parent, low, high, holes) as (
        select b.session, g.id, g.parent, g.fork_position, b.tip, g.holes
        from page p join {branches} b on b.session = p.id and b.name = p.branch join {segments} g on g.id = b.segment
        union all
        select l.session, g.id, g.parent, g.fork_position, case when l.low < l.high then l.low else l.high end, g.holes
        from lineage l join {segments} g on g.id = l.parent
    )
    select p.id, p.session_id, p.created_at, p.updated_at, (
        select coalesce(sum(case when l.holes + :one_by_one = 0 then l.high - l.low else (
            select count(*) from {entries} e where e.id > l.segment * 4294967296 + l.low
            and e.id <= l.segment * 4294967296 + l.high and {shown}
        ) end), 0) from lineage l where l.session = p.id and l.low < l.high
    ) from page p order by p.id desc
"""
LIST_SESSIONS = Statement(
    "A page of sessions, the newest first, each with the number of items on its current branch.",
    _LIST_SESSIONS,
    {MARIADB: _ENDLESSLY + _LIST_SESSIONS.replace("p.session_id,", "convert(p.session_id using utf8mb4),")},
)

# --- Branches and segments ------------------------------------------------------------------------------------

HEAD = Statement(
    "A branch of a session, the current one unless named.",
    """
    select s.id, coalesce(:branch, s.branch), b.segment, b.tip, b.turn, b.floor, b.parent, b.fork_position, b.may_grow,
    s.marks, s.seal from {sessions} s
    left join {branches} b on b.session = s.id and b.name = coalesce(:branch, s.branch) where s.session_id = :session_id
    """,
)
_ADVANCE_TIP = """
    update {branches} set tip = tip + :count, turn = turn + :turns, updated_at = :now, changed_in = :version,
    lease_token = case when :lease = 0 and lease_until <= :now then 0 else lease_token end,
    lease_until = case when :lease = 0 and lease_until <= :now then 0 else lease_until end
    where session = :session and name = :branch and may_grow = 1
    and case when :lease = 0 then lease_until <= :now or lease_open = 1 else lease_token = :lease end
"""
ADVANCE_TIP = Statement(
    """Reserve positions at the end of a branch's own segment; no row if the branch may not grow there, or is leased.

    Whoever changes a branch without a lease ends one whose time is over.
    """,
    _ADVANCE_TIP + " returning segment, tip, turn",
    {
        MARIADB: (
            _ADVANCE_TIP,
            """
            select segment, tip, turn from {branches}
            where session = :session and name = :branch and may_grow = 1 and changed_in = :version
            """,
        )
    },
)
MOVE_TIP = Statement(
    "Put a branch's tip somewhere else in its own lineage.",
    """
    update {branches} set tip = :tip, turn = :turn, may_grow = :may_grow, updated_at = :now, changed_in = :version,
    lease_from = case when lease_from > :tip then :tip else lease_from end
    where session = :session and name = :branch
    """,
)
CREATE_SEGMENT = Statement(
    "Open a segment, forked from a position of its parent.",
    """
    insert into {segments} (session, parent, fork_position, turn) values (:session, :parent, :fork_position, :turn)
    returning id
    """,
)
_PUT_BRANCH = """
    insert into {branches} (
        session, name, segment, parent, fork_position, tip, turn, floor, may_grow, created_at, updated_at, made_in,
        changed_in
    ) values (
        :session, :branch, :segment, :parent, :fork_position, :tip, :turn, :fork_position, 1, :now, :now, :version,
        :version
    )
"""
PUT_BRANCH = Statement(
    "Put a branch, new or not, on a segment that it has opened; what that one was forked from is not its own.",
    _PUT_BRANCH
    + """
    on conflict (session, name) do update set segment = excluded.segment, parent = excluded.parent,
    fork_position = excluded.fork_position, tip = excluded.tip, turn = excluded.turn, floor = excluded.floor,
    may_grow = excluded.may_grow, updated_at = excluded.updated_at, changed_in = excluded.changed_in
    """,
    {
        MARIADB: _PUT_BRANCH
        + """
        on duplicate key update segment = values(segment), parent = values(parent),
        fork_position = values(fork_position), tip = values(tip), turn = values(turn), floor = values(floor),
        may_grow = values(may_grow), updated_at = values(updated_at), changed_in = values(changed_in)
        """
    },
)
MAKE_BRANCH = Statement(
    "Make a branch of what another one has up to a place, and return a row; none if the name is taken.",
    """
    insert into {branches} (
        session, name, segment, parent, fork_position, tip, turn, floor, may_grow, forked_from, forked_at, forked_turn,
        created_at, updated_at, made_in, changed_in
    ) select
        s.id, :branch, :segment, :parent, :fork_position, :tip, :turn, :tip, 0, :forked_from, :tip, :turn,
        :now, :now, :version, :version
    from {sessions} s where s.id = :session and not exists (
        select 1 from {branches} b where b.session = s.id and b.name = :branch
    )
    returning session
    """,
)
COUNT_ITEMS = _recursive(
    "How many items a branch has: by positions where each holds one that stays, else counted.",
    """
    with recursive lineage (segment, parent, low, high, holes) as (
        select g.id, g.parent, g.fork_position, b.tip, g.holes
        from {branches} b join {segments} g on g.id = b.segment where b.session = :session and b.name = :branch
        union all
        select g.id, g.parent, g.fork_position, case when l.low < l.high then l.low else l.high end, g.holes
        from lineage l join {segments} g on g.id = l.parent
    )
    select coalesce(sum(case when holes + :one_by_one = 0 then high - low else (
        select count(*) from {entries} e where e.id > lineage.segment * 4294967296 + lineage.low
        and e.id <= lineage.segment * 4294967296 + lineage.high and {shown}
    ) end), 0) from lineage where low < high
    """,
)
MADE_FROM = _recursive(
    "The branches from which a branch was made, the first of them first.",
    """
    with recursive origin (name, depth) as (
        select forked_from, 1 from {branches} where session = :session and name = :branch
        union all
        select b.forked_from, o.depth + 1 from origin o join {branches} b on b.session = :session and b.name = o.name
    )
    select name from origin where name is not null order by depth desc
    """,
)
RAISE_FLOOR = Statement(
    "Others see a segment up to a position from now on.",
    """
    update {branches} set floor = :position
    where session = :session and segment = :segment and floor < :position
    """,
)
SWITCH = Statement(
    "Make another branch the session's current one.",
    "update {sessions} set branch = :branch where id = :session",
)
FLAG_MARKS = Statement(
    "Note that a session has a mark.",
    "update {sessions} set marks = 1 where id = :session and marks = 0",
)
EMPTY = Statement(
    "Note that a session has nothing any more; its current branch is another one then.",
    "update {sessions} set branch = :branch, marks = 0 where id = :session",
)
RENAME_BRANCH = Statement(
    "Give a branch another name.",
    "update {branches} set name = :new where session = :session and name = :branch",
)
RENAME_OWNER = Statement(
    "The tips it left are the renamed branch's.",
    "update {branches} set owner = :new where session = :session and owner = :branch",
)
RENAME_ORIGIN = Statement(
    "What was made from a branch was made from another, or from the same one by its new name.",
    "update {branches} set forked_from = :new where session = :session and forked_from = :branch",
)
ADOPT = Statement(
    "What was made from a branch that goes was made from where that one was made from.",
    """
    update {branches} set forked_from = :forked_from,
    forked_at = case when forked_at < :position then forked_at else :position end,
    forked_turn = case when forked_turn < :turn then forked_turn else :turn end
    where session = :session and forked_from = :branch
    """,
)
DELETE_BRANCH = Statement(
    "Remove a branch and the tips it left.",
    "delete from {branches} where session = :session and (name = :branch or owner = :branch)",
)
TIPS = Statement(
    "All tips of a session: its branches, and the tips that they left, in the order in which they came to be.",
    """
    select name, segment, tip, turn, owner, pending, may_grow, forked_from, forked_at, forked_turn, created_at,
    updated_at, changed_in from {branches} where session = :session order by made_in, name
    """,
)
LINEAGE = _recursive(
    "The segments that a branch sees, the newest first: from behind which position, up to which, and the turns before.",
    """
    with recursive lineage (depth, segment, parent, low, high, turn) as (
        select 0, g.id, g.parent, g.fork_position, b.tip, g.turn
        from {branches} b join {segments} g on g.id = b.segment where b.session = :session and b.name = :branch
        union all
        select l.depth + 1, g.id, g.parent, g.fork_position, case when l.low < l.high then l.low else l.high end, g.turn
        from lineage l join {segments} g on g.id = l.parent
    )
    select segment, low, high, turn from lineage where low < high order by depth
    """,
)
ORIGINS = Statement(
    "All segments of a session: where each was forked, and whether there may be less in it than its positions.",
    "select id, parent, fork_position, turn, holes from {segments} where session = :session",
)
NOTE_HOLE = Statement(
    "Note that an entry was removed from a segment's middle, or is one that will expire, or a mark.",
    "update {segments} set holes = 1 where id = :segment and holes = 0",
)
FORGET_SEGMENT = Statement(
    "Remove a segment.",
    "delete from {segments} where id = :segment",
)

# --- Tips that branches left -------------------------------------------------------------------------------------

KEEP_TIP = Statement(
    "Keep where a branch is, before it moves elsewhere; nothing there is its own.",
    """
    insert into {branches} (
        session, name, segment, parent, fork_position, tip, turn, floor, may_grow, owner, pending, created_at,
        updated_at, made_in, changed_in
    ) select session, :name, segment, parent, fork_position, tip, turn, tip, may_grow, name, :pending, :now, updated_at,
    :version, changed_in from {branches} where session = :session and name = :branch
    """,
)
WAYS_FORWARD = Statement(
    "The tips from which a branch was moved back by undo, the latest first.",
    """
    select name, tip, turn, may_grow from {branches} where session = :session and owner = :branch and pending = 1
    order by name desc
    """,
)
FORGET_TIP = Statement(
    "Remove a tip.",
    "delete from {branches} where session = :session and name = :name",
)
SETTLE_TIP = Statement(
    "A way forward is none any more, but one of several that the conversation took.",
    "update {branches} set pending = 0 where session = :session and name = :name",
)
MOVE_TO_TIP = Statement(
    "Move a branch to where a kept tip is, which it may extend if it is there alone.",
    """
    update {branches} as b set (segment, parent, fork_position, tip, turn, floor, may_grow, lease_from) = (
        select t.segment, t.parent, t.fork_position, t.tip, t.turn, t.tip, t.may_grow * :alone,
        case when b.lease_from > t.tip then t.tip else b.lease_from end
        from {branches} t where t.session = :session and t.name = :name
    ), updated_at = :now, changed_in = :version where session = :session and name = :branch
    """,
    {
        MARIADB: """
        update {branches} b join {branches} t on t.session = b.session and t.name = :name
        set b.segment = t.segment, b.parent = t.parent, b.fork_position = t.fork_position, b.tip = t.tip,
        b.turn = t.turn, b.floor = t.tip, b.may_grow = t.may_grow * :alone, b.updated_at = :now,
        b.changed_in = :version, b.lease_from = least(b.lease_from, t.tip)
        where b.session = :session and b.name = :branch
        """
    },
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
    insert into {entries} ({entry})
    values (:id, :version, :turn, :kind, :tool_name, :author, :created_at, :expires_at, :payload)
    """,
)


PAGE = 256
"""Entries that SQLite returns at once where pages are asked for; a server returns all that are wanted."""

MAX_JOINED = 262_144
"""Payloads of this many bytes are not joined: a page of larger ones would be more than a value may hold."""


def _backward(selected: str, limit: str = ":count") -> str:
    return f"""
    select {selected} from {{entries}} where id > :low and id <= :high and {{live}}
    order by id desc limit {limit}
    """  # noqa: S608 - columns, by words of this module.


def _joined(selected: str, columns: str) -> str:
    """Return a page in one row: the oldest id, how many there are, and what is `selected` of them."""
    page = _backward(f"{columns}, length(payload) as size", f"min(:count, {PAGE})")
    return f"select min(id), count(*), {selected} from ({page})"  # noqa: S608 - words of this module.


def _payloads(joint: str) -> str:
    return f"cast(group_concat(case when size < {MAX_JOINED} then payload end, {joint}) as blob)"


PAYLOADS_BACKWARD = Statement(
    "Payloads of one segment, the newest first.",
    _backward("id, payload"),
    {SQLITE: _backward("id, payload", f"min(:count, {PAGE})")},
)
JOINED_BACKWARD = Statement(
    """The same or, where that is faster, a page in one row: the oldest id, how many there are, and payloads, joined.

    Python's `sqlite3` gives the interpreter's lock away for each row and each of its columns. SQLite sorts a subquery
    whose rows are joined: https://sqlite.org/src/file/src/select.c, where it says when it leaves an "order by" out.
    """,
    _backward("id, payload"),
    {SQLITE: _joined(_payloads(":joint"), "id, payload")},
)
SEALED_BACKWARD = Statement(
    """Entries of one segment, to be opened, the newest first; or a page in one row.

    That has the oldest id; how many there are; their payloads, joined; the length of each without `:overhead`, with
    `:cut` between them; and a line for each with what its payload is bound to, as `codecs/bound.py` writes it.
    """,
    _backward("{entry}"),
    {
        SQLITE: _joined(
            _payloads("''") + ", group_concat(size - :overhead, :cut), cast(group_concat(bound_to, char(10)) as blob)",
            # Before the rows leave the subquery, which copies each column.
            "id, json_array({columns}) as bound_to, payload",
        )
    },
)
ENTRIES_BACKWARD = Statement(
    "Entries of one segment with all that is known of them, the newest first.", _backward("{entry}")
)
LATEST_UP_TO = Statement(
    "The turn of the last of a range of entries.",
    "select turn from {entries} where id > :low and id <= :high order by id desc limit 1",
)


def _first_from(column: str, value: str) -> Statement:
    """Return a search for the first entry whose `column`, which rises with positions, is `value` or more."""
    sql = f"""
    with recursive search (low, high) as (
        select id * 4294967296 + :low, id * 4294967296 + :high from {{segments}} where id = :segment
        union all
        select
            case when coalesce((
                select e.{column} from {{entries}} e where e.id > s.low and e.id <= (s.low + s.high) / 2
                order by e.id desc limit 1
            ), 0) < {value} then (s.low + s.high) / 2 else s.low end,
            case when coalesce((
                select e.{column} from {{entries}} e where e.id > s.low and e.id <= (s.low + s.high) / 2
                order by e.id desc limit 1
            ), 0) < {value} then s.high else (s.low + s.high) / 2 end
        from search s where s.high - s.low > 1
    )
    select min(high) from search
    """  # noqa: S608 - both are words of this module.
    return Statement(
        f"""The first entry of a segment's range that belongs to a {column} or a later one; `high` if none is left.

        They rise with positions: a binary search, as there is no index. Everything up to `low` is before.
        """,
        sql,
        # There a slash makes decimals.
        {MARIADB: sql.replace(" / 2", " div 2")},
    )


TURN_START = _first_from("turn", ":turn")
VERSION_START = _first_from("version", ":version")
ENTRIES_FORWARD = Statement(
    "Items of one segment with all that is known of them, the oldest first.",
    "select {entry} from {entries} where id > :low and id <= :high and {shown} order by id",
)
ENTRIES_FORWARD_SOME = Statement(
    "The same with marks, so many at most.",
    "select {entry} from {entries} where id > :low and id <= :high and {live} order by id limit :count",
)
MARKS_FORWARD = Statement(
    "The marks of one segment, the oldest first.",
    "select {entry} from {entries} where id > :low and id <= :high and {live} and not ({shown}) order by id",
)
VERSIONS = Statement(
    "Which entries a range has, and which versions added them.",
    "select id, version from {entries} where id > :low and id <= :high and {live} order by id",
)
USERS_FORWARD = Statement(
    "Those that are messages of users.",
    "select {entry} from {entries} where id > :low and id <= :high and kind = 'user' and {live} order by id",
)
OUTLINE = Statement(
    "Items of one segment without their payloads, the oldest first.",
    "select id, turn, kind from {entries} where id > :low and id <= :high and {shown} order by id",
)
TURNS_BACKWARD = Statement(
    "The turns of items of one segment, the newest first.",
    "select id, turn from {entries} where id > :low and id <= :high and {shown} order by id desc limit :count",
)
TURNS_FORWARD = Statement(
    "The same, the oldest first.",
    "select id, turn from {entries} where id > :low and id <= :high and {shown} order by id limit :count",
)
LAST_ENTRY = Statement(
    "The last item of a range; a row without one if there is none.",
    "select max(id) from {entries} where id > :low and id <= :high and {shown}",
)
FIRST_MESSAGES = Statement(
    "The first message of each kind in each turn of one segment: enough to say what a turn is about.",
    """
    select {entry} from {entries} where id in (
        select min(id) from {entries} where id > :low and id <= :high
        and kind in ('user', 'assistant', 'system', 'developer') and {live} group by turn, kind
    )
    """,
)
COUNT_ENTRIES = Statement(
    "How many items a range has.",
    "select count(*) from {entries} where id > :low and id <= :high and {shown}",
)
DELETE_ENTRY = Statement(
    "Remove one entry.",
    "delete from {entries} where id = :id",
)
DELETE_ENTRIES = Statement(
    "Remove a range of entries.",
    "delete from {entries} where id > :low and id <= :high",
)

# --- Expired entries ---------------------------------------------------------------------------------------------

_EXPIRED = """
    select g.session, e.id from {entries} e join {segments} g on g.id = e.id / 4294967296
    where e.expires_at <= :now order by e.expires_at limit :count
"""
EXPIRED = Statement(
    "Entries that are beyond their own expiry, with their sessions; found by an index.",
    _EXPIRED,
    # There a slash makes decimals.
    {MARIADB: _EXPIRED.replace(" / ", " div ")},
)
_AGED = """
    select g.session, e.id from {entries} e join {segments} g on g.id = e.id / 4294967296
    where e.id > :after and {ages} and e.created_at <= :oldest order by e.id limit :count
"""
AGED = Statement(
    "Entries without an expiry that are too old, with their sessions.",
    _AGED,
    {MARIADB: _AGED.replace(" / ", " div ")},
)
EXPIRED_IN_SESSION = Statement(
    "Both of one session.",
    """
    select s.id, e.id from {sessions} s join {segments} g on g.session = s.id
    join {entries} e on e.id > g.id * 4294967296 and e.id < (g.id + 1) * 4294967296
    where s.session_id = :session_id
    and (e.expires_at <= :now or ({ages} and e.created_at <= :oldest))
    order by e.id limit :count
    """,
)
DELETE_EXPIRED = Statement(
    "Remove those of a range of entries that have expired; a row for each.",
    """
    delete from {entries} where id > :low and id <= :high
    and (expires_at <= :now or ({ages} and created_at <= :oldest)) returning id
    """,
)

# --- Idempotency keys and the record of changes ---------------------------------------------------------------

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
FORGET_OLD_KEYS = Statement(
    "Remove some of a session's idempotency keys that came before a time, the oldest first; a row for each.",
    """
    delete from {appends} where session = :session and idempotency_key in (
        select idempotency_key from {appends}
        where session = :session and created_at <= :before and idempotency_key >= ' ' order by created_at limit :count
    ) returning session
    """,
    {
        # It has no limit in a subquery, but one for what is deleted.
        MARIADB: """
        delete from {appends}
        where session = :session and created_at <= :before and idempotency_key >= ' ' order by created_at limit :count
        returning session
        """
    },
)
WITH_OLD_KEYS = Statement(
    "Sessions with idempotency keys that came before a time.",
    """
    select distinct session from {appends}
    where session > :after and created_at <= :before and idempotency_key >= ' ' order by session limit :count
    """,
)
FORGET_KEYS = Statement(
    "Remove a session's idempotency keys.",
    "delete from {appends} where session = :session",
)
ROWS_OF_SESSION = Statement(
    "How many rows of each table a session has: entries, branches with the tips they left, and so on.",
    """
    select (
        select count(*) from {segments} g join {entries} e
        on e.id > g.id * 4294967296 and e.id < (g.id + 1) * 4294967296 where g.session = :session
    ),
    (select count(*) from {branches} where session = :session),
    (select count(*) from {segments} where session = :session),
    (select count(*) from {appends} where session = :session),
    (select count(*) from {changes} where session = :session),
    (select count(*) from {usage} where session = :session)
    """,
)
FORGET_USAGE = Statement(
    "Remove a session's record of what it cost.",
    "delete from {usage} where session = :session",
)
WHERE_IT_IS = Statement(
    "A session, its version, its seal, and the version of the last change that was not an append.",
    """
    select id, version, seal, (select max(c.version) from {changes} c where c.session = s.id)
    from {sessions} s where session_id = :session_id
    """,
)
CHANGES_BETWEEN = Statement(
    "What was noted between two versions, without the first and with the second.",
    """
    select version, what, created_at from {changes}
    where session = :session and version > :after and version <= :until order by version
    """,
)
MOVED_TIPS = Statement(
    "The tips that were moved after a version.",
    """
    select segment, parent, fork_position, tip, name, owner, may_grow from {branches}
    where session = :session and changed_in > :after order by may_grow desc, made_in, name
    """,
)
ORIGIN = Statement(
    "Where a segment was forked.",
    "select parent, fork_position from {segments} where id = :segment",
)
LAST_VERSION = Statement(
    "The last of a range of entries, and its version.",
    "select id, version from {entries} where id > :low and id <= :high order by id desc limit 1",
)
ENTRIES_THERE = Statement(
    "Entries of one segment with all that is known of them, the oldest first, also expired ones.",
    "select {entry} from {entries} where id >= :first and id < :beyond order by id",
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

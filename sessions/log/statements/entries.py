"""Statements about entries.

The second part of an entry's id is its position, so all entries of a segment up to a tip are ``id > segment * positions
and id <= segment * positions + tip``; see `db/ids.py`.
"""

from __future__ import annotations

from typing import Final

from sessions.db.dialect import MARIADB, POSTGRES, SQLITE
from sessions.db.lists import parameters
from sessions.db.transaction import Statement
from sessions.items.kinds import CALLS, KNOWN, OUTPUTS, PLACEHOLDER, REFERENCE, in_sql

ADD_ENTRY = Statement(
    "Store an item.",
    """
    insert into {entries} ({entry})
    values (:id, :version, :turn, :kind, :tool_name, :author, :created_at, :expires_at, :format, :payload)
    """,
)

PAGE = 256
"""Entries that SQLite returns at once where pages are asked for; a server returns all that are wanted."""

MAX_JOINED = 262_144
"""Payloads of this many bytes are not joined: a page of larger ones would be more than a value may hold."""


_KINDS = in_sql(KNOWN - {REFERENCE} | {PLACEHOLDER})
"""The kinds of items that belong to no other than can be told: a reference may be to anything."""


def _backward(selected: str, limit: str = ":count") -> str:
    return f"""
    select {selected} from {{entries}} where id > :low and id <= :high and {{live}}
    order by id desc limit {limit}
    """  # noqa: S608 - columns, by words of this module.


def _joined(selected: str, columns: str) -> str:
    """Return a page in one row: the oldest id, the number of entries, and the `selected` values."""
    page = _backward(f"{columns}, length(payload) as size", f"min(:count, {PAGE})")
    return f"select min(id), count(*), {selected} from ({page})"  # noqa: S608 - words of this module.


def _payloads(joint: str) -> str:
    return f"cast(group_concat(case when size < {MAX_JOINED} then payload end, {joint}) as blob)"


PAYLOADS_BACKWARD = Statement(
    "Payloads of one segment, the newest first.",
    _backward("id, payload"),
    {SQLITE: _backward("id, payload", f"min(:count, {PAGE})")},
)

JOINED_ON: Final = frozenset({SQLITE})
"""The databases on which `JOINED_BACKWARD` and `ENCRYPTED_BACKWARD` return a page in one row."""

JOINED_BACKWARD = Statement(
    """The same or, where that is faster, a page in one row: the oldest id, how many there are, and payloads, joined.

    Python's `sqlite3` gives the interpreter's lock away for each row and each of its columns. SQLite sorts a subquery
    whose rows are joined: https://sqlite.org/src/file/src/select.c, where it says when it leaves an "order by" out.
    """,
    _backward("id, payload"),
    {SQLITE: _joined(_payloads(":joint"), "id, payload")},
)

ENCRYPTED_BACKWARD = Statement(
    """Entries of one segment, to be opened, the newest first; or a page in one row.

    That has the oldest id; how many there are; their payloads, joined; the length of each without `:overhead`, with
    `:cut` between them; and a line for each with what its payload is bound to, as `log/encryption/associated_data.py`
    writes it.
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
        select id * {{positions}} + :low, id * {{positions}} + :high from {{segments}} where id = :segment
        union all
        select
            case when coalesce((
                select e.{column} from {{entries}} e where e.id > s.low and e.id <= s.low + (s.high - s.low) / 2
                order by e.id desc limit 1
            ), 0) < {value} then s.low + (s.high - s.low) / 2 else s.low end,
            case when coalesce((
                select e.{column} from {{entries}} e where e.id > s.low and e.id <= s.low + (s.high - s.low) / 2
                order by e.id desc limit 1
            ), 0) < {value} then s.high else s.low + (s.high - s.low) / 2 end
        from search s where s.high - s.low > 1
    )
    select min(high) from search
    """  # noqa: S608 - both are words of this module.
    return Statement(
        f"""The first entry of a segment's range that belongs to a {column} or a later one; `high` if none is left.

        They rise with positions: a binary search, as there is no index. Everything up to `low` is before. The sum of
        two ids may have more than 64 bits.
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

CALLS_BACKWARD = Statement(
    "Those that may call something that has to be answered, or answer it, the newest first.",
    f"""
    select {{entry}} from {{entries}} where id > :low and id <= :high
    and kind in {in_sql(CALLS | OUTPUTS)} and {{live}} order by id desc
    """,  # noqa: S608 - they are words of this package.,
)

VERSIONS = Statement(
    "Which entries a range has, and which versions added them.",
    "select id, version from {entries} where id > :low and id <= :high and {live} order by id",
)

AT_ONCE: Final = 64
"""Entries that `VERSIONS_OF` asks for."""

VERSIONS_OF = Statement(
    "The versions that added certain entries: the parameters `e0`, `e1` and so on.",
    f"select id, version from {{entries}} where id in ({parameters('e', AT_ONCE)})",  # noqa: S608
)

ENTRY = Statement(
    "One entry with all that is known of it.",
    "select {entry} from {entries} where id = :id",
)

BEFORE = Statement(
    "The last entry of a range, and the version that added it.",
    "select id, version from {entries} where id > :low and id <= :high and {live} order by id desc limit 1",
)

USERS_FORWARD = Statement(
    "Those that are messages of users.",
    "select {entry} from {entries} where id > :low and id <= :high and kind = 'user' and {live} order by id",
)

FIRST_UNKNOWN = Statement(
    "The first one of a shape that is not known, and so may belong to any other.",
    f"""
    select {{entry}} from {{entries}} where id > :low and id <= :high and kind not in {_KINDS} and {{shown}}
    order by id limit 1
    """,  # noqa: S608 - they are words of this package.
)

OUTLINE = Statement(
    "Items of one segment without their payloads, the oldest first.",
    "select id, turn, kind, version, author, created_at from {entries} "
    "where id > :low and id <= :high and {shown} order by id",
)

TURNS_OF_SESSION = Statement(
    """Where the turns of all segments begin and end: the first item, the last one, the turn, the last one's version.

    Only of items behind a position.
    """,
    """
    select min(e.id), max(e.id), e.turn, max(e.version) from {segments} g join {entries} e
    on e.id > g.id * {positions} + :after and e.id <= g.id * {positions} + {last_position}
    where g.session = :session and g.id between 1 and {max_owner} and {shown} group by g.id, e.turn order by min(e.id)
    """,
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

REPLACE_PAYLOAD = Statement(
    "Store another payload of an entry, or the same encrypted again, and its tool's name, which may be hidden now.",
    "update {entries} set payload = :payload, tool_name = :tool_name where id = :id",
)

DELETE_ENTRY = Statement(
    "Remove one entry.",
    "delete from {entries} where id = :id",
)

DELETE_ENTRIES = Statement(
    "Remove a range of entries.",
    "delete from {entries} where id > :low and id <= :high",
)

ENCRYPTED_ENTRY = Statement(
    "An entry of a range whose payload begins as encrypted ones do.",
    """
    select id from {entries} where id > :low and id <= :high and substr(payload, 1, 1) between :first and :last limit 1
    """,
)

LAST_VERSION = Statement(
    "The last of a range of entries, and its version.",
    "select id, version from {entries} where id > :low and id <= :high order by id desc limit 1",
)

ENTRIES_THERE = Statement(
    "Entries of one segment with all that is known of them, the oldest first, also expired ones.",
    "select {entry} from {entries} where id >= :first and id < :beyond order by id",
)


# --- Expired entries ---------------------------------------------------------------------------------------------


_EXPIRED = """
    select g.session, e.id from {entries} e join {segments} g on g.id = e.id / {positions}
    where e.expires_at <= :now order by e.expires_at limit :count
"""

EXPIRED = Statement(
    "Entries that are beyond their own expiry, with their sessions; found by an index.",
    _EXPIRED,
    # There a slash makes decimals.
    {MARIADB: _EXPIRED.replace(" / ", " div ")},
)

_AGED = """
    select g.session, e.id from {entries} e join {segments} g on g.id = e.id / {positions}
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
    join {entries} e on e.id > g.id * {positions} and e.id <= g.id * {positions} + {last_position}
    where s.session_id = :session_id and g.id between 1 and {max_owner}
    and (e.expires_at <= :now or ({ages} and e.created_at <= :oldest))
    order by e.id limit :count
    """,
)

_DUE = "expires_at <= :now and expires_at <= {clock} order by expires_at limit :count"

FORGET_EXPIRED = Statement(
    """Remove some entries that are beyond their own expiry, of whatever sessions, the longest first; a row for each.

    By the writer's time and the database's: a clock that is ahead removes nothing that others still see.
    """,
    f"""
    delete from {{entries}} where id in (select id from {{entries}} where {_DUE}) returning id
    """,  # noqa: S608 - words of this module.
    {
        # Rows that another process is about to remove are left to it. The snapshot does not know a place that was
        # filled again since.
        POSTGRES: f"""
        with due as materialized (select id from {{entries}} where {_DUE} for update skip locked)
        delete from {{entries}} e using due d where e.id = d.id returning e.id
        """,  # noqa: S608 - words of this module.
        # MariaDB has no limit in a subquery, but one for deleted rows.
        MARIADB: f"delete from {{entries}} where {_DUE} returning id",  # noqa: S608 - words of this module.
    },
)

DELETE_EXPIRED = Statement(
    "Remove those of a range of entries that have expired; a row for each.",
    """
    delete from {entries} where id > :low and id <= :high
    and (expires_at <= :now or ({ages} and created_at <= :oldest)) returning id
    """,
)

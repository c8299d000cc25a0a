"""Statements about retention: old sessions, the entries of them that go, and reasons to spare them."""

from __future__ import annotations

from functools import cache
from typing import Final

from sessions.db.transaction import Statement
from sessions.items.kinds import CALLS, DEVELOPER, OUTPUTS, PLACEHOLDER, SYSTEM, in_sql

OWNED = Statement(
    "Some sessions of owners in a range.",
    "select id, session_id from {sessions} where owner >= :low and owner < :high limit :count",
)

IS_OWNED = Statement(
    "A row if the owner of a locked session is in a range.",
    "select 1 from {sessions} where id = :session and owner >= :low and owner < :high",
)

_COLUMNS = "s.session_id, s.owner, s.created_at, s.updated_at, s.archived, s.version"


@cache
def list_old(*, owned: bool) -> Statement:
    """Return the statement for a page of sessions that may be old enough, the oldest first.

    The last column is the highest turn of their branches, 0 without one.
    """
    owners = " and s.owner >= :low and s.owner < :high" if owned else ""
    text = f"""
        select s.id, {_COLUMNS}, coalesce((select max(b.turn) from {{branches}} b where b.session = s.id), 0)
        from {{sessions}} s where s.id > :after and s.created_at <= :created and s.updated_at <= :updated{owners}
        order by s.id limit :count
    """  # noqa: S608 - words of this module.
    return Statement("Sessions that may be old enough for a policy, the oldest first.", text)


STANDING = Statement(
    "What a policy looks at of a session, its wrapped keys, and 1 if it is leased or waited for.",
    """
    select s.owner, s.created_at, s.updated_at, s.archived, s.version, s.wrapped_keys, case when
        exists (select 1 from {branches} b where b.session = s.id and b.lease_token > 0 and b.lease_until > :now)
        or exists (select 1 from {waiting} w where w.session = s.id and w.until > :now)
    then 1 else 0 end
    from {sessions} s where s.id = :session
    """,
)

VERSION_NOW = Statement(
    "The version of a locked session.",
    "select version from {sessions} where id = :session",
)

IS_LEASED = Statement(
    "A row if a branch of a session is leased, or waited for.",
    """
    select 1 from {branches} where session = :session and lease_token > 0 and lease_until > :now
    union all select 1 from {waiting} where session = :session and until > :now limit 1
    """,
)

COUNT_STORED = Statement(
    "How many entries a session has, of all branches.",
    """
    select count(*) from {segments} g join {entries} e
    on e.id > g.id * {positions} and e.id <= g.id * {positions} + {last_position}
    where g.session = :session and g.id between 1 and {max_owner}
    """,
)

CALLS_FORWARD = Statement(
    "Items of one segment that call something, answer it, or stand for an answer, the oldest first.",
    f"""
    select {{entry}} from {{entries}} where id > :low and id <= :high
    and kind in {in_sql(CALLS | OUTPUTS | {PLACEHOLDER})} and {{live}} order by id limit :count
    """,  # noqa: S608 - they are words of this package.
)

_GOES: Final = f"(turn > 0 or kind not in {in_sql({SYSTEM, DEVELOPER})})"
"""Of an entry before the kept turns: messages of the system and the developer before the first turn stay."""

COUNT_GOING = Statement(
    "How many of a range of entries go with the turns that are not kept.",
    f"select count(*) from {{entries}} where id > :low and id <= :high and {_GOES}",  # noqa: S608 - as above.
)

GOING = Statement(
    "The last of so many of them, and how many they are; null and 0 if none is left.",
    f"""
    select max(id), count(*) from (
        select id from {{entries}} where id > :low and id <= :high and {_GOES} order by id limit :count
    ) g
    """,  # noqa: S608 - as above.
)

DELETE_GOING = Statement(
    "Remove them.",
    f"delete from {{entries}} where id > :low and id <= :high and {_GOES}",  # noqa: S608 - as above.
)

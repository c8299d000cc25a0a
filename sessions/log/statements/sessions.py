"""Statements about sessions as wholes: their rows, versions and wrapped keys.

SQL here and in its neighbours is the portable subset: parameters are ``:named``, and ``{word}`` is one of our tables or
a word of `dialect.words`. Every change updates its session's row first: on a database with row locks, that is the lock
under which the rest happens.
"""

from __future__ import annotations

from sessions.db.dialect import BRIEFLY_ON_MARIADB, MARIADB, POSTGRES
from sessions.db.lists import parameters
from sessions.db.topics import AT_ONCE
from sessions.db.transaction import Statement

_BUMP_VERSION = "update {sessions} set version = version + 1, updated_at = :now where session_id = :session_id"
_LOCKED = "id, version, branch, wrapped_keys, leases, owner, active_at, tagged, keyed"
"""The columns of a locked session's row that changes need."""

BUMP_VERSION = Statement(
    "Lock a session for a change and increment its version.",
    f"{_BUMP_VERSION} returning {_LOCKED}",
    {
        POSTGRES: f"{_BUMP_VERSION} returning {_LOCKED}, {{tell_watchers}}",
        MARIADB: (
            BRIEFLY_ON_MARIADB + _BUMP_VERSION,
            f"select {_LOCKED} from {{sessions}} where session_id = :session_id",  # noqa: S608
        ),
    },
)

_CREATE_SESSION = """
    insert into {sessions} (session_id, version, branch, wrapped_keys, created_at, updated_at, owner, active_at)
    values (:session_id, 1, :branch, :wrapped_keys, :created_at, :now, :owner, :active_at)
"""

_BUMP_INSTEAD = f"""
    on conflict (session_id) do update set version = {{sessions}}.version + 1, updated_at = excluded.updated_at
    returning {_LOCKED}
"""

CREATE_SESSION = Statement(
    "Make a session's row, whose version is 1; if another process was first, increment its version instead.",
    _CREATE_SESSION + _BUMP_INSTEAD,
    {
        POSTGRES: _CREATE_SESSION + _BUMP_INSTEAD + ", {tell_watchers}",
        MARIADB: f"""
        {_CREATE_SESSION}
        on duplicate key update version = version + 1, updated_at = values(updated_at) returning {_LOCKED}
        """,
    },
)

TOUCH = Statement(
    "Note when a locked session was active.",
    "update {sessions} set active_at = :now where id = :session",
)

TOUCH_TAGS = Statement(
    "Note the same for its tags.",
    "update {tags} set active_at = :now where session = :session",
)

LOCK_SESSION = Statement(
    "Lock a session without changing it.",
    "select id, wrapped_keys, owner from {sessions} where session_id = :session_id {for_update}",
)

LOCK_SESSION_ROW = Statement(
    "Lock a session by its internal id.",
    "select id from {sessions} where id = :session {for_update}",
)

BUMP_VERSION_OF = Statement(
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

VERSIONS = Statement(
    "The versions of some sessions, named s0, s1 and so on.",
    f"select session_id, id, version from {{sessions}} where session_id in ({parameters('s', AT_ONCE)})",  # noqa: S608
)

VERSION = Statement(
    "A session's version, and its owner.",
    "select version, owner from {sessions} where session_id = :session_id",
)

SET_WRAPPED_KEYS = Statement(
    "Give a session other wrapped keys.",
    "update {sessions} set wrapped_keys = :wrapped_keys where id = :session",
)

HOLDS_SOMETHING = Statement(
    "A row if a session has, or had, an entry, or has info.",
    """
    select 1 from {branches} where session = :session and tip > 0
    union all select 1 from {infos} where session = :session limit 1
    """,
)

SESSION_TIMES = Statement(
    "A session's current branch, when it was made and last changed, its owner, and its wrapped keys.",
    "select id, branch, created_at, updated_at, owner, wrapped_keys from {sessions} where session_id = :session_id",
)

DELETE_SESSION = Statement(
    "Remove a session's row.",
    "delete from {sessions} where id = :session",
    {POSTGRES: "delete from {sessions} where id = :session returning {tell_watchers}"},
)

_LEFT_EMPTY_BUT_FOR_ITEM_KEYS = """
    not exists (
        select 1 from {segments} g join {entries} e
        on e.id > g.id * {positions} and e.id <= g.id * {positions} + {last_position}
        where g.session = s.id and g.id between 1 and {max_owner}
    )
    and not exists (select 1 from {appends} a where a.session = s.id and a.until > {clock})
    and not exists (select 1 from {branches} b where b.session = s.id and b.lease_token > 0 and b.lease_until > :now)
    and not exists (select 1 from {waiting} w where w.session = s.id and w.until > :now)
"""

_NO_ITEM_KEYS = "not exists (select 1 from {item_keys} k where k.session = s.id and k.until > {clock})"

_LEFT_EMPTY = f"{_LEFT_EMPTY_BUT_FOR_ITEM_KEYS} and {_NO_ITEM_KEYS}"

LEFT_EMPTY = Statement(
    "Sessions without an entry, of which no key is known and no branch is held or waited for.",
    f"select s.id, s.session_id from {{sessions}} s where s.id > :after and {_LEFT_EMPTY} order by s.id limit :count",  # noqa: S608 - words of this module.
)

IS_LEFT_EMPTY = Statement(
    "A row if a session is one of those.",
    f"select 1 from {{sessions}} s where s.id = :session and {_LEFT_EMPTY}",  # noqa: S608 - words of this module.
)

IS_UNBEGUN = Statement(
    "A row if an attempt made a session, nothing but attempts has changed it, and nothing is left of them.",
    f"""
    select 1 from {{sessions}} s where s.id = :session and s.leases = 0 and {_LEFT_EMPTY_BUT_FOR_ITEM_KEYS}
    and exists (select 1 from {{changes}} c where c.session = s.id and c.version = 1 and c.what = 'attempt_begun')
    and not exists (select 1 from {{changes}} c where c.session = s.id and substr(c.what, 1, 8) <> 'attempt_')
    and not exists (select 1 from {{branches}} b where b.session = s.id and b.name <> 'main')
    and not exists (select 1 from {{infos}} i where i.session = s.id)
    and not exists (select 1 from {{usage}} u where u.session = s.id)
    """,  # noqa: S608 - as above.
)

ROWS_OF_SESSION = Statement(
    "How many rows of each table a session has: entries, branches with the tips they left, and so on.",
    """
    select (
        select count(*) from {segments} g join {entries} e
        on e.id > g.id * {positions} and e.id <= g.id * {positions} + {last_position}
        where g.session = :session and g.id between 1 and {max_owner}
    ),
    (select count(*) from {branches} where session = :session),
    (select count(*) from {segments} where session = :session),
    (select count(*) from {appends} where session = :session),
    (select count(*) from {changes} where session = :session),
    (select count(*) from {usage} where session = :session),
    (select count(*) from {infos} where session = :session) + (select count(*) from {tags} where session = :session),
    (select count(*) from {item_keys} where session = :session)
    """,
)

WHERE_IT_IS = Statement(
    """A session, its version, its owner, its wrapped keys, and the version of the last change that was not an append.
    """,
    """
    select id, version, owner, wrapped_keys, (select max(c.version) from {changes} c where c.session = s.id)
    from {sessions} s where session_id = :session_id
    """,
)

FORGET_USAGE = Statement(
    "Remove a session's record of what it cost.",
    "delete from {usage} where session = :session",
)

"""Statements about sessions that are written in several transactions, of which nobody sees a part."""

from __future__ import annotations

from sessions.db.dialect import MARIADB, POSTGRES
from sessions.db.transaction import Statement
from sessions.log.words import MARK

TAKE_ID = Statement(
    "Take a session's internal id: by a row that this transaction removes again.",
    """
    insert into {sessions} (session_id, version, branch, created_at, updated_at)
    values (:placeholder, 1, :branch, :now, :now) returning id
    """,
)

GIVE_ROW_BACK = Statement(
    "Remove that row. The number is not given again.",
    "delete from {sessions} where id = :session",
)

BEGIN = Statement(
    "Note that a session of this internal id is being written.",
    """
    insert into {unfinished} (session, session_id, forked_from, wrapped_keys, owner, origin, until, life)
    values (:session, :session_id, :forked_from, :wrapped_keys, :owner, :origin, {clock} + :life, :life)
    """,
)

FIND = Statement(
    "An unfinished session of a name, that was begun for the same copy.",
    """
    select session from {unfinished} where session_id = :session_id and origin = :origin and until > {clock}
    order by session desc limit 1
    """,
)

NAMED = Statement(
    "The unfinished sessions of a name.",
    "select session from {unfinished} where session_id = :session_id {for_update}",
)

WRITTEN = Statement(
    "A segment of an unfinished session: its last entry, the highest version, how many items, and whether it has keys.",
    f"""
    select max(id), max(version), coalesce(sum(case when substr(kind, 1, 1) = '{MARK}' then 0 else 1 end), 0),
    case when exists (select 1 from {{item_keys}} k where k.session = :session) then 1 else 0 end
    from {{entries}} where id > :low and id <= :high
    """,  # noqa: S608 - a word of this package.
)

_RENEW = "update {unfinished} set until = {clock} + life where session = :session and until > {clock}"

RENEW = Statement(
    "Lock an unfinished session and put its end off; no row if it was given up.",
    _RENEW + " returning wrapped_keys",
    {
        MARIADB: (
            _RENEW,
            "select wrapped_keys from {unfinished} where session = :session and until > {clock}",
        )
    },
)

PAGE_OF = Statement(
    "How many pages of an import have been written.",
    "select pages from {unfinished} where session = :session",
)

SET_PAGE = Statement(
    "Note that a page of an import has been written.",
    "update {unfinished} set pages = :page where session = :session",
)

GIVE_UP = Statement(
    "Let an unfinished session end now.",
    "update {unfinished} set until = 0 where session = :session",
)

FORGET = Statement(
    "An unfinished session is whole, or all its rows are gone.",
    "delete from {unfinished} where session = :session",
)

_FINISH = """
    insert into {sessions} (
        id, session_id, version, branch, wrapped_keys, created_at, updated_at, annotated, owner, active_at, archived,
        keyed, tagged, cleared_in, forked_from, forked_at
    ) values (
        :session, :session_id, :version, :branch, :wrapped_keys, :created_at, :updated_at, :annotated, :owner,
        :active_at, :archived, :keyed, :tagged, :cleared_in, :forked_from, :forked_at
    )
"""

FINISH = Statement(
    "Make the row of a session that is whole; none, or another one's id, if the name is taken.",
    _FINISH + " on conflict (session_id) do nothing returning id",
    {
        POSTGRES: _FINISH + " on conflict (session_id) do nothing returning id, {tell_watchers}",
        MARIADB: _FINISH + " on duplicate key update version = version returning id",
    },
)

IS_THERE = Statement(
    "A session's internal id.",
    "select id from {sessions} where session_id = :session_id",
)

_ENDED = "select session from {unfinished} where until <= {clock} limit 1"
_LOCK_ENDED = _ENDED + " for update skip locked"

ENDED = Statement(
    "An unfinished session that was given up; locked, as a caller that began in time may be writing to it.",
    _ENDED,
    # One that another process is removing is left to it.
    {POSTGRES: _LOCK_ENDED, MARIADB: _LOCK_ENDED},
)

SOME_ENTRIES = Statement(
    "The ids of some entries of a range, the first ones.",
    "select id from {entries} where id > :low and id <= :high order by id limit :count",
)

COPIES = Statement(
    "Unfinished forks and copies of a session; locked.",
    "select session from {unfinished} where forked_from = :session {for_update}",
)

OWNED = Statement(
    "Unfinished sessions of owners in a range; locked.",
    "select session from {unfinished} where owner >= :low and owner < :high {for_update}",
)

FORKS = Statement(
    "The sessions that were forked from a session, the oldest first, and the last entry that each got.",
    "select id, session_id, forked_at from {sessions} where forked_from = :session order by id",
)

FORKS_PASS_ON = Statement(
    "The forks of a session that goes are forks of the session that it was forked from.",
    """
    update {sessions} set forked_from = :forked_from, forked_at = :forked_at where forked_from = :session
    """,
)

ORIGIN = Statement(
    "The session that one was forked from, and the last entry that it got.",
    "select forked_from, forked_at from {sessions} where id = :session",
)

"""Statements about sessions' owners, titles, tags and metadata."""

from __future__ import annotations

from sessions.db.dialect import MARIADB
from sessions.db.transaction import Statement

INFO = Statement(
    "A session's wrapped keys and its info.",
    """
    select s.wrapped_keys, s.owner, s.archived, i.version, i.payload
    from {sessions} s left join {infos} i on i.session = s.id where s.session_id = :session_id
    """,
)

INFO_OF = Statement(
    "When a session was active, and its info, by its internal id.",
    """
    select s.active_at, s.owner, s.archived, i.version, i.payload
    from {sessions} s left join {infos} i on i.session = s.id where s.id = :session
    """,
)

_PUT_INFO = "insert into {infos} (session, version, payload) values (:session, :version, :payload)"

PUT_INFO = Statement(
    "Put a session's title, tags and metadata.",
    _PUT_INFO + " on conflict (session) do update set version = excluded.version, payload = excluded.payload",
    {MARIADB: _PUT_INFO + " on duplicate key update version = values(version), payload = values(payload)"},
)

PLACE = Statement(
    "Put what lists are sorted by into a session's row.",
    "update {sessions} set owner = :owner, archived = :archived, tagged = :tagged where id = :session",
)

ADD_TAG = Statement(
    "Add a tag of a session.",
    "insert into {tags} (session, tag, active_at) values (:session, :tag, :active_at)",
)

FORGET_INFO = Statement(
    "Remove a session's title, tags and metadata.",
    "delete from {infos} where session = :session",
)

FORGET_TAGS = Statement(
    "Remove a session's rows for lists by tag.",
    "delete from {tags} where session = :session",
)

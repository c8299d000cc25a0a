"""Statements about sessions that are copied page by page."""

from __future__ import annotations

from sessions.db.transaction import Statement

WHOLE_ROW = Statement(
    "A session's row, as far as a copy has it, and its info.",
    """
    select s.version, s.created_at, s.updated_at, s.active_at, s.annotated, s.wrapped_keys, s.owner, s.archived,
    i.version, i.payload
    from {sessions} s left join {infos} i on i.session = s.id where s.session_id = :session_id
    """,
)

PLACE = Statement(
    "A session, its version, its owner and its wrapped keys.",
    "select id, version, owner, wrapped_keys from {sessions} where session_id = :session_id",
)

LOCKED_PLACE = Statement(
    "The same, locked.",
    PLACE.sql + " {for_update}",
)

VERSION_OF = Statement(
    "The version that added an entry.",
    "select version from {entries} where id = :id",
)

SIZES = Statement(
    "The sizes of entries of one segment, the oldest first, so many at most.",
    "select id, length(payload) from {entries} where id > :low and id <= :high and {live} order by id limit :count",
)

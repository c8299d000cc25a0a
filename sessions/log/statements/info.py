"""Statements about sessions' titles, tags and metadata."""

from __future__ import annotations

from sessions.db.transaction import Statement

FORGET_INFO = Statement(
    "Remove a session's title and metadata.",
    "delete from {infos} where session = :session",
)

FORGET_TAGS = Statement(
    "Remove a session's tags.",
    "delete from {tags} where session = :session",
)

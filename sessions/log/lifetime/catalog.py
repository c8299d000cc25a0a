"""The list of a store's sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.clock import as_near_time
from sessions.log.conversation import NO_EXPIRY
from sessions.log.core.heads import EVERYTHING
from sessions.log.statements import sessions as session_statements
from sessions.types import SessionInfo

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction

_MAX_CURSOR = 18
"""Digits: fewer than the largest id could have."""


def list_sessions(
    tx: Transaction, now: int, limit: int, after: str | None, ttl: int | None = None
) -> list[SessionInfo]:
    """Return up to `limit` sessions, the newest first, from behind the cursor `after`.

    What has expired by `now`, or is older than `ttl`, is not counted; both are in microseconds.
    """
    counted = {"now": now, "oldest": NO_EXPIRY if ttl is None else now - ttl, "one_by_one": int(ttl is not None)}
    before = EVERYTHING if after is None else _parse_cursor(after)
    return [
        # One session that somebody altered does not keep the others from being listed.
        SessionInfo(session_id, as_near_time(created), as_near_time(updated), int(item_count), cursor=str(session))
        for session, session_id, created, updated, item_count in tx.all(
            session_statements.LIST_SESSIONS, before=before, count=min(limit, EVERYTHING), **counted
        )
    ]


def _parse_cursor(cursor: object) -> int:
    if isinstance(cursor, str) and len(cursor) <= _MAX_CURSOR and cursor.isascii() and cursor.isdigit():
        return int(cursor)
    raise ValueError("after must be the cursor of a listed session: sessions(after=page[-1].cursor)")

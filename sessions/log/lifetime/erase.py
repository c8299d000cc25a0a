"""Erasing: removing a session from every table, and counting its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sessions.log.core.locking import lock_session
from sessions.log.lifetime.remove import delete
from sessions.log.statements import sessions as session_statements

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Elsewhere


class Erased(NamedTuple):
    """How many rows were removed, by table; `sdk_rows` are those of the OpenAI Agents SDK's own tables."""

    existed: bool
    entries: int = 0
    branches: int = 0
    segments: int = 0
    idempotency_keys: int = 0
    changes: int = 0
    usage: int = 0
    info: int = 0
    item_keys: int = 0
    sdk_rows: int = 0


def erase(tx: Transaction, session_id: str, elsewhere: Elsewhere) -> Erased:
    """Remove a session with all its rows, also from the SDK's tables, and return their numbers.

    It needs no key.
    """
    sdk_rows = elsewhere.count_rows(tx, session_id)
    session = lock_session(tx, session_id)
    counts = (0,) * 8 if session is None else tx.the(session_statements.ROWS_OF_SESSION, session=session)
    delete(tx, session_id, elsewhere)
    existed = session is not None or sdk_rows > 0
    return Erased._make((existed, *map(int, counts), sdk_rows))

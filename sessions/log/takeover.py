"""Taking over a session that the OpenAI Agents SDK wrote into the same database.

Its ``SQLiteSession`` keeps two tables, ``agent_sessions(session_id, created_at, updated_at)`` and
``agent_messages(id, session_id, message_data, created_at)``; times are text, to the second, in UTC. When a session
without a row of ours is touched and those hold messages of it, they are copied in the order of their ids. They
are not changed: the SDK can go on with its own copy, which from then on is another conversation.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sessions.log import statements
from sessions.log.classify import UNKNOWN, Classified, classify_items
from sessions.log.grow import NewEntry, add_entries
from sessions.log.session_row import create_session
from sessions.log.transaction import Statement

if TYPE_CHECKING:
    from sessions.log.conversation import Conversation, Decoder, ForeignTables
    from sessions.log.transaction import Transaction

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Statements(NamedTuple):
    has_messages: Statement
    messages: Statement
    created_at: Statement
    delete_messages: Statement
    delete_session: Statement


def is_waiting(tx: Transaction, conversation: Conversation) -> bool:
    """Tell whether there are messages to be taken over, should the conversation have no row of ours."""
    return _has_messages(tx, conversation.session_id, conversation.foreign)


def take_over(tx: Transaction, conversation: Conversation, now: int) -> bool:
    """Make a session of the messages there, unless it has a row of ours; tell whether that was done."""
    session_id, decoder, tables = conversation
    if tx.one(statements.LOCK_SESSION, session_id=session_id) or not is_waiting(tx, conversation):
        return False
    sql = _statements(tables)
    rows = tx.all(sql.messages, session_id=session_id)
    payloads = [data.encode() if isinstance(data, str) else bytes(data) for data, _ in rows]
    times = [_microseconds(time, now) for _, time in rows]
    began = tx.one(sql.created_at, session_id=session_id) if _exists(tx, tables.sessions) else None
    created_at = _microseconds(began[0], times[0]) if began else times[0]
    locked = create_session(tx, session_id, now, created_at)
    add_entries(tx, session_id, locked, _classified(payloads, decoder), times)
    return True


def delete_foreign(tx: Transaction, session_id: str, tables: ForeignTables) -> bool:
    """Remove a session from the SDK's tables, so that it does not come back; tell whether it was there."""
    sql = _statements(tables)
    found = _has_messages(tx, session_id, tables)
    if found:
        tx.run(sql.delete_messages, session_id=session_id)
    if _exists(tx, tables.sessions):
        tx.run(sql.delete_session, session_id=session_id)
    return found


def _has_messages(tx: Transaction, session_id: str, tables: ForeignTables) -> bool:
    if not _exists(tx, tables.messages):
        return False
    return tx.one(_statements(tables).has_messages, session_id=session_id) is not None


def _classified(payloads: list[bytes], decoder: Decoder) -> list[NewEntry]:
    """Return payloads as entries. What cannot be decoded is kept as it is; reading reports it."""
    items: list[dict[str, Any] | None] = []
    for payload in payloads:
        try:
            items.append(decoder.decode(payload))
        except ValueError:
            items.append(None)
    known = iter(classify_items([item for item in items if item is not None]))
    unknown = Classified(UNKNOWN, None)
    return [
        NewEntry(payload, *(unknown if item is None else next(known)))
        for payload, item in zip(payloads, items, strict=True)
    ]


def _microseconds(time: object, otherwise: int) -> int:
    """Return a time of the SDK's in microseconds since 1970, UTC."""
    try:
        parsed = datetime.fromisoformat(time) if isinstance(time, str) else time
        if isinstance(parsed, datetime):
            zoned = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
            return (zoned - _EPOCH) // timedelta(microseconds=1)
    except ValueError:
        pass
    return otherwise


def _exists(tx: Transaction, table: str) -> bool:
    return tx.one(statements.TABLE_EXISTS, name=table) is not None


@lru_cache
def _statements(tables: ForeignTables) -> _Statements:
    # The one place where a name that a caller gives becomes SQL: `ForeignTables.check` has passed it.
    sessions, messages = (f'"{name}"' for name in tables.check())
    return _Statements(
        has_messages=Statement(
            "Whether the SDK has messages of a session.",
            f"select 1 from {messages} where session_id = :session_id limit 1",  # noqa: S608
        ),
        messages=Statement(
            "The SDK's messages of a session.",
            f"select message_data, created_at from {messages} where session_id = :session_id order by id",  # noqa: S608
        ),
        created_at=Statement(
            "When the SDK made a session.",
            f"select created_at from {sessions} where session_id = :session_id",  # noqa: S608
        ),
        delete_messages=Statement(
            "Remove a session's messages from the SDK's table.",
            f"delete from {messages} where session_id = :session_id",  # noqa: S608
        ),
        delete_session=Statement(
            "Remove a session from the SDK's table.",
            f"delete from {sessions} where session_id = :session_id",  # noqa: S608
        ),
    )

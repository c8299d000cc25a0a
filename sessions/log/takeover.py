"""Taking over a session that the OpenAI Agents SDK wrote into the same database.

Its ``SQLiteSession`` keeps two tables, ``agent_sessions(session_id, created_at, updated_at)`` and
``agent_messages(id, session_id, message_data, created_at)``; times are text, to the second, in UTC. Its
``AdvancedSQLiteSession`` says in ``message_structure(session_id, message_id, branch_id, …)`` which branches a message
is on, and begins on ``main`` in each new process. When a session without a row of ours is touched and those tables hold
messages of it, the ones of ``main`` are copied in the order of their ids. The SDK's tables are not changed: it can
go on with its own copy, which from then on is another conversation.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from sessions.errors import StoreError
from sessions.log import statements
from sessions.log.branch import MAIN, find_head, unknown_branch
from sessions.log.classify import UNKNOWN, Classified, classify_items
from sessions.log.conversation import ForeignTables
from sessions.log.dialect import MARIADB, POSTGRES
from sessions.log.grow import NewEntry, add_entries
from sessions.log.session_row import create_session, lock_session, raise_version
from sessions.log.transaction import Statement

if TYPE_CHECKING:
    from sessions.log.branch import Head
    from sessions.log.conversation import Conversation, Decoder
    from sessions.log.session_row import LockedSession
    from sessions.log.transaction import Transaction

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


_MESSAGES_COLUMNS = frozenset({"id", "session_id", "message_data", "created_at"})
_SESSIONS_COLUMNS = frozenset({"session_id", "created_at"})
_STRUCTURE_COLUMNS = frozenset({"session_id", "message_id", "branch_id"})
_STRUCTURE = "message_structure"
_ADVANCED_TABLES = (_STRUCTURE, "turn_usage", "branch_reservations", "session_clear_generations")

# MariaDB compares text loosely, so the bytes are compared too. What was stored is read as bytes: text that is not UTF-8
# any more should not keep the rest from being read.
_OF_SESSION = "session_id = :session_id"
_OF_SESSION_MARIADB = "session_id = :session_id and binary session_id = :session_id"
_HAS_MESSAGES = "select 1 from {foreign} where {of_session} limit 1"
_MESSAGES = "select {message_data}, created_at from {foreign} where {of_session} order by id"
_MAIN_MESSAGES = """
    select {message_data}, created_at from {foreign} m where {of_session} and (
        exists (
            select 1 from {where}{q}message_structure{q} s
            where s.session_id = m.session_id and s.message_id = m.id and s.branch_id = 'main'
        ) or not exists (
            select 1 from {where}{q}message_structure{q} s
            where s.session_id = m.session_id and s.message_id = m.id
        )
    ) order by id
"""
_CREATED_AT = "select created_at from {foreign} where {of_session}"
_DELETE = "delete from {foreign} where {of_session}"


def is_waiting(tx: Transaction, conversation: Conversation) -> bool:
    """Tell whether there are messages to be taken over, should the conversation have no row of ours."""
    return _has_messages(tx, conversation.session_id, conversation.foreign)


def waits_for_take_over(tx: Transaction, conversation: Conversation) -> bool:
    """Tell whether the conversation has no row of ours, and messages to be taken over."""
    here = tx.one(statements.SESSION_TIMES, session_id=conversation.session_id)
    return here is None and is_waiting(tx, conversation)


def lock_head(tx: Transaction, conversation: Conversation, now: int, branch: str | None) -> Head | None:
    """Lock a session, taken over first if it waits for that, and return a branch's head; ``None`` without a session.

    Raises:
        UnknownBranchError: There is no such branch.
    """
    if lock_conversation(tx, conversation, now) is None:
        # Another process may make the session now; without the lock its head would be stale at once.
        if branch in {None, MAIN}:
            return None
        raise unknown_branch(tx, conversation.session_id, None, str(branch))
    return find_head(tx, conversation.session_id, branch)


def change_head(
    tx: Transaction, conversation: Conversation, now: int, branch: str | None
) -> tuple[LockedSession, Head] | None:
    """Lock a session for a change of a branch that is made unless it fails, so that its version can be raised at once.

    Returns:
        The session, taken over first if it waited for that, and the branch's head; ``None`` without a session.

    Raises:
        UnknownBranchError: There is no such branch.
    """
    locked = change_session(tx, conversation, now, branch)
    head = find_head(tx, conversation.session_id, locked.branch) if locked else None
    return (locked, head) if locked and head else None


def change_session(
    tx: Transaction, conversation: Conversation, now: int, branch: str | None = None
) -> LockedSession | None:
    """Lock a session for a change of a branch, taken over first if it waits for that; ``None`` without a session.

    Raises:
        UnknownBranchError: There is no session, so that it has ``main`` alone.
    """
    session_id = conversation.session_id
    locked = raise_version(tx, session_id, now, branch)
    if locked is None and take_over(tx, conversation, now):
        locked = raise_version(tx, session_id, now, branch)
    # Another process may make the session now; without the lock its head would be stale at once.
    if locked is None and branch not in {None, MAIN}:
        raise unknown_branch(tx, session_id, None, str(branch))
    return locked


def lock_conversation(tx: Transaction, conversation: Conversation, now: int) -> int | None:
    """Lock a session, taken over first if it waits for that; return its internal id, or ``None`` if there is none.

    Whoever gets ``None`` holds no lock: another process may make the session at once.
    """
    session = lock_session(tx, conversation.session_id)
    if session is None and take_over(tx, conversation, now):
        session = lock_session(tx, conversation.session_id)
    return session


def begin_session(tx: Transaction, conversation: Conversation, now: int, branch: str | None = None) -> LockedSession:
    """Make a session that was not there: of what the OpenAI Agents SDK left in the database, else empty."""
    take_over(tx, conversation, now)
    return create_session(tx, conversation.session_id, now, branch=branch)


def take_over(tx: Transaction, conversation: Conversation, now: int) -> bool:
    """Make a session of the messages there, unless it has a row of ours; tell whether that was done."""
    session_id, decoder, tables = conversation
    if lock_session(tx, session_id) is not None or not is_waiting(tx, conversation):
        return False
    branched = _has_columns(tx, _STRUCTURE, _STRUCTURE_COLUMNS)
    rows = tx.all(_statement(_MAIN_MESSAGES if branched else _MESSAGES, tables.messages), session_id=session_id)
    payloads = [bytes(data or b"") for data, _ in rows]
    times = [_microseconds(time, now) for _, time in rows]
    began = None
    if _has_columns(tx, tables.sessions, _SESSIONS_COLUMNS):
        began = tx.one(_statement(_CREATED_AT, tables.sessions), session_id=session_id)
    created_at = _microseconds(began[0] if began else None, min(times, default=now))
    locked = create_session(tx, session_id, now, created_at=created_at)
    # If another process was first, it has taken over what there was.
    if locked.is_new and payloads:
        add_entries(tx, locked, _classified(payloads, decoder), now, times)
    return True


def delete_foreign(tx: Transaction, session_id: str, tables: ForeignTables) -> bool:
    """Remove a session from the SDK's tables, so that it does not come back; tell whether it was there."""
    if not _has_columns(tx, tables.messages, _MESSAGES_COLUMNS):
        return False
    found = _has_messages(tx, session_id, tables)
    advanced = _ADVANCED_TABLES if _has_columns(tx, _STRUCTURE, _STRUCTURE_COLUMNS) else ()
    for table in (*advanced, tables.messages, tables.sessions):
        if _has_columns(tx, table, frozenset({"session_id"})):
            tx.run(_statement(_DELETE, table), session_id=session_id)
    return found


def _has_messages(tx: Transaction, session_id: str, tables: ForeignTables) -> bool:
    if not _has_columns(tx, tables.messages, _MESSAGES_COLUMNS):
        if tables != ForeignTables() and tx.all(statements.COLUMNS, table=tables.messages):
            raise StoreError(
                f"session {session_id!r}: the table {tables.messages} is not one of the OpenAI Agents SDK; nothing was "
                f"changed. It would have the columns {', '.join(sorted(_MESSAGES_COLUMNS))}. Check messages_table"
            )
        return False
    return tx.one(_statement(_HAS_MESSAGES, tables.messages), session_id=session_id) is not None


def _has_columns(tx: Transaction, table: str, columns: frozenset[str]) -> bool:
    """Tell whether there is such a table with these columns: one of the same name may be somebody else's."""
    return columns <= {name for (name,) in tx.all(statements.COLUMNS, table=table)}


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


@cache
def _statement(template: str, table: str) -> Statement:
    """Return a statement about one of the SDK's tables.

    The one place where a name that a caller gives becomes SQL: `ForeignTables.check` has passed it.
    """

    def text(message_data: str, of_session: str = _OF_SESSION) -> str:
        filled = template.replace("{foreign}", "{where}{q}" + table + "{q}")
        return filled.replace("{message_data}", message_data).replace("{of_session}", of_session)

    return Statement(
        "About a session of the OpenAI Agents SDK.",
        text("cast(message_data as blob)"),
        {
            POSTGRES: text("convert_to(message_data, 'UTF8')"),
            MARIADB: text("cast(message_data as binary)", _OF_SESSION_MARIADB),
        },
    )

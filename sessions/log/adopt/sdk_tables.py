"""The tables in which the OpenAI Agents SDK keeps its sessions, as they are.

Its ``SQLiteSession`` keeps two, ``agent_sessions(session_id, created_at, updated_at)`` and
``agent_messages(id, session_id, message_data, created_at)``. On SQLite times are text, to the second, in UTC; elsewhere
they are local times of the zone that the connection had which wrote them, taken for that of the one which reads. Its
``AdvancedSQLiteSession`` keeps in ``message_structure`` a row for each message on each branch, with its place in the
order (``sequence_number``) and its turn, counted along that branch (``user_turn_number``), and in ``turn_usage`` a row
for each turn of a branch that something was spent on. A file has one pair of these; their foreign keys say for which
table of messages.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions.clock import as_microseconds
from sessions.db import migration_statements as schema_statements
from sessions.db.dialect import MARIADB, POSTGRES, SQLITE
from sessions.db.transaction import Statement
from sessions.errors import StoreReadOnlyError
from sessions.log.adopt.sdk_catalog import (
    COUNTS,
    DETAILS,
    MESSAGES_COLUMNS,
    SESSIONS_COLUMNS,
    STRUCTURE,
    STRUCTURE_COLUMNS,
    USAGE,
    USAGE_COLUMNS,
    are_there,
    beside,
    has_columns,
    is_about,
    located,
    tables_of,
)

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import ForeignTables

# MariaDB compares text loosely, so the bytes are compared too. Stored text is read as bytes: damaged UTF-8 should not
# make the rest unreadable.
_OF_SESSION: Final = "session_id = :session_id"
_OF_SESSION_MARIADB: Final = "session_id = :session_id and binary session_id = :session_id"
_AS_BYTES: Final = {
    SQLITE: "cast({} as blob)",
    POSTGRES: "convert_to(cast({} as text), 'UTF8')",
    # In any character set of the column; a column of bytes has none.
    MARIADB: "if(charset({0}) = 'binary', {0}, cast(convert({0} using utf8mb4) as binary))",
}
_READ_AS_BYTES: Final = ("message_data", "branch_id", "session_id", *DETAILS)
# In microseconds since 1970, UTC, where the database knows the zone. A time that is not one of those is null.
_MADE_AT: Final = {
    SQLITE: "cast(created_at as blob)",
    POSTGRES: """case when isfinite(cast(created_at as timestamptz))
        then cast(extract(epoch from cast(created_at as timestamptz)) * 1000000 as bigint) end""",
    MARIADB: "cast(nullif(unix_timestamp(created_at), 0) * 1000000 as signed)",
}

_HAS_MESSAGES: Final = "select 1 from {foreign} where {of_session} limit 1"
_MESSAGES: Final = "select id, {message_data}, {created_at} from {foreign} where {of_session} order by id"
_PLACES: Final = """
    select message_id, {branch_id}, user_turn_number, {created_at} from {foreign} where {of_session}
    order by sequence_number
"""
_SPENT: Final = f"""
    select {{branch_id}}, user_turn_number, {", ".join(COUNTS)}, {{input_tokens_details}}, {{output_tokens_details}},
    {{created_at}} from {{foreign}} where {{of_session}}
"""  # noqa: S608 - These are names of columns, written above.
_FIRST_IDS: Final = "select id, {session_id} from {foreign} order by id limit :count"
_NEXT_IDS: Final = "select id, {session_id} from {foreign} where id > :after order by id limit :count"
_EMPTY: Final = """
    select {session_id} from {foreign} s where not exists (select 1 from {messages} m where m.session_id = s.session_id)
"""
_CREATED_AT: Final = "select {created_at} from {foreign} where {of_session}"
_COUNT: Final = "select count(*) from {foreign} where {of_session}"
_DELETE: Final = "delete from {foreign} where {of_session}"
_REPLACE: Final = "update {foreign} set message_data = :data where id = :id and {of_session}"
_DELETE_MESSAGE: Final = "delete from {foreign} where id = :id and {of_session}"
_DELETE_PLACES: Final = "delete from {foreign} where message_id = :id and {of_session}"


class Message(NamedTuple):
    """A message; its id is any value that the table holds, and its time is in microseconds since 1970, UTC."""

    id: Any
    payload: bytes
    created_at: int


class Place(NamedTuple):
    """That a message is on a branch: in which turn, and since when (microseconds since 1970, UTC)."""

    message: Any
    branch: bytes
    turn: Any
    created_at: int


class Spent(NamedTuple):
    """The usage of a turn of a branch; details are JSON."""

    branch: bytes
    turn: Any
    requests: Any
    input_tokens: Any
    output_tokens: Any
    input_details: bytes
    output_details: bytes
    created_at: int


def has_messages(tx: Transaction, session_id: str, tables: ForeignTables) -> bool:
    """Tell whether there are messages of a session, in a table that is there.

    Raises:
        StoreReadOnlyError: This user may not read it.
    """
    tables = located(tx, tables)
    schema, _, name = tables.messages.rpartition(".")
    if tx.one(schema_statements.MAY_READ, schema=schema, table=name) == (0,):
        raise StoreReadOnlyError(
            f"session {session_id!r}: this user may not read the table {tables.messages}, where the OpenAI "
            "Agents SDK may have stored its messages. Nothing was changed. Grant select on it, or pass other "
            "sessions_table and messages_table."
        )
    return tx.one(_statement(_HAS_MESSAGES, tables.messages), session_id=session_id) is not None


def list_ids(tx: Transaction, tables: ForeignTables, after: Any, count: int) -> list[tuple[Any, bytes]] | None:
    """Return a page of messages: of each its id, and its session's id as bytes; ``None`` without such a table.

    Args:
        tx: A transaction.
        tables: The tables.
        after: The id of the last message of the page before; ``None`` for the first page.
        count: How many at most.

    Raises:
        StoreError: A table that the user named is not one of the SDK's.
    """
    if not are_there(tx, "", tables):
        return None
    has_messages(tx, "", tables)
    messages = located(tx, tables).messages
    if after is None:
        rows = tx.all(_statement(_FIRST_IDS, messages), count=count)
    else:
        rows = tx.all(_statement(_NEXT_IDS, messages), after=after, count=count)
    return [(message, session_id) for message, session_id in rows]


def list_without_messages(tx: Transaction, tables: ForeignTables) -> list[tuple[bytes]]:
    """Return the ids of sessions without messages, as bytes."""
    tables = located(tx, tables)
    if not has_columns(tx, tables.messages, MESSAGES_COLUMNS):
        return []
    if not has_columns(tx, tables.sessions, SESSIONS_COLUMNS):
        return []
    template = _EMPTY.replace("{messages}", _quoted(tables.messages))
    return [(session_id,) for (session_id,) in tx.all(_statement(template, tables.sessions))]


def read_messages(tx: Transaction, session_id: str, tables: ForeignTables, now: int) -> list[Message]:
    """Return a session's messages in the order of their ids. Messages without a time count as written `now`."""
    rows = tx.all(_statement(_MESSAGES, located(tx, tables).messages), session_id=session_id)
    return [Message(id_, bytes(data or b""), _microseconds(time, now)) for id_, data, time in rows]


def read_places(tx: Transaction, session_id: str, tables: ForeignTables, now: int) -> list[Place]:
    """Return on which branches a session's messages are, those of each branch in their order."""
    structure = beside(tables, STRUCTURE)
    if not has_columns(tx, structure, STRUCTURE_COLUMNS) or not is_about(tx, tables):
        return []
    rows = tx.all(_statement(_PLACES, structure), session_id=session_id)
    return [
        Place(message, bytes(branch or b""), turn, _microseconds(time, now)) for message, branch, turn, time in rows
    ]


def read_spent(tx: Transaction, session_id: str, tables: ForeignTables, now: int) -> list[Spent]:
    """Return the usage of a session's turns."""
    usage = beside(tables, USAGE)
    if not has_columns(tx, usage, USAGE_COLUMNS) or not is_about(tx, tables):
        return []
    rows = tx.all(_statement(_SPENT, usage), session_id=session_id)
    return [
        Spent(
            bytes(branch or b""),
            turn,
            requests,
            tokens_in,
            tokens_out,
            bytes(details_in or b""),
            bytes(details_out or b""),
            _microseconds(time, now),
        )
        for branch, turn, requests, tokens_in, tokens_out, details_in, details_out, time in rows
    ]


def read_created_at(tx: Transaction, session_id: str, tables: ForeignTables, now: int, *, otherwise: int) -> int:
    """Return when a session was made; `now` at the latest."""
    row = None
    tables = located(tx, tables)
    if has_columns(tx, tables.sessions, SESSIONS_COLUMNS):
        row = tx.one(_statement(_CREATED_AT, tables.sessions), session_id=session_id)
    return _microseconds(row[0] if row else None, now, otherwise=otherwise)


def delete_rows(tx: Transaction, session_id: str, tables: ForeignTables) -> bool:
    """Remove a session from the SDK's tables, so that it does not come back; tell whether it was there."""
    there = tables_of(tx, tables)
    found = bool(there) and are_there(tx, session_id, tables) and has_messages(tx, session_id, tables)
    for table in there:
        tx.run(_statement(_DELETE, table), session_id=session_id)
    return found


def count_rows(tx: Transaction, session_id: str, tables: ForeignTables) -> int:
    """Return how many rows `delete_rows` would remove."""
    return sum(
        row[0] for table in tables_of(tx, tables) for row in tx.all(_statement(_COUNT, table), session_id=session_id)
    )


def replace_message(tx: Transaction, session_id: str, tables: ForeignTables, message: Any, data: str | None) -> None:
    """Replace the content of a message, or remove the message from all branches if the other content is ``None``."""
    located_tables = located(tx, tables)
    if data is not None:
        tx.run(_statement(_REPLACE, located_tables.messages), id=message, data=data, session_id=session_id)
        return
    structure = beside(tables, STRUCTURE)
    if has_columns(tx, structure, STRUCTURE_COLUMNS) and is_about(tx, tables):
        tx.run(_statement(_DELETE_PLACES, structure), id=message, session_id=session_id)
    tx.run(_statement(_DELETE_MESSAGE, located_tables.messages), id=message, session_id=session_id)


def _microseconds(time: object, now: int, *, otherwise: int | None = None) -> int:
    """Return a time of the SDK's in microseconds since 1970, UTC: never later than `now`.

    An invalid time counts as `otherwise`, which is `now` if not given.
    """
    text = time.decode(errors="replace") if isinstance(time, bytes) else time
    try:
        parsed = datetime.fromisoformat(text) if isinstance(text, str) else text
    except ValueError:
        parsed = None
    if isinstance(parsed, datetime):
        parsed = as_microseconds(parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC))
    if not isinstance(parsed, int):
        parsed = now if otherwise is None else otherwise
    return min(parsed, now)


def _quoted(table: str) -> str:
    schema, _, name = table.rpartition(".")
    where = "{q}" + schema + "{q}." if schema else "{where}"
    return where + "{q}" + name + "{q}"


@cache
def _statement(template: str, table: str) -> Statement:
    """Return a statement about one of the SDK's tables.

    The one place where a name that a caller gives becomes SQL: `ForeignTables.check` has passed it.
    """

    def text(database: str) -> str:
        filled = template.replace("{foreign}", _quoted(table))
        filled = filled.replace("{of_session}", _OF_SESSION_MARIADB if database == MARIADB else _OF_SESSION)
        for column in _READ_AS_BYTES:
            filled = filled.replace(f"{{{column}}}", _AS_BYTES[database].format(column))
        return filled.replace("{created_at}", _MADE_AT[database])

    return Statement(
        "About a session of the OpenAI Agents SDK.", text(SQLITE), {other: text(other) for other in (POSTGRES, MARIADB)}
    )

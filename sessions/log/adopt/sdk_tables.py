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

import re
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions.clock import as_microseconds
from sessions.db import migration_statements as schema_statements
from sessions.db.dialect import MARIADB, POSTGRES, SQLITE
from sessions.db.transaction import Statement
from sessions.errors import StoreError, StoreReadOnlyError
from sessions.log.conversation import ADVANCED_TABLES, ForeignTables

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction

_STRUCTURE: Final = "message_structure"
_USAGE: Final = "turn_usage"

_MESSAGES_COLUMNS: Final = frozenset({"id", "session_id", "message_data", "created_at"})
_SESSIONS_COLUMNS: Final = frozenset({"session_id", "created_at"})
_STRUCTURE_COLUMNS: Final = frozenset(
    {"session_id", "message_id", "branch_id", "sequence_number", "user_turn_number", "created_at"}
)
_COUNTS: Final = ("requests", "input_tokens", "output_tokens")
_DETAILS: Final = ("input_tokens_details", "output_tokens_details")
_USAGE_COLUMNS: Final = frozenset({"session_id", "branch_id", "user_turn_number", "created_at", *_COUNTS, *_DETAILS})

# MariaDB compares text loosely, so the bytes are compared too. What was stored is read as bytes: text that is not UTF-8
# any more should not keep the rest from being read.
_OF_SESSION: Final = "session_id = :session_id"
_OF_SESSION_MARIADB: Final = "session_id = :session_id and binary session_id = :session_id"
_AS_BYTES: Final = {
    SQLITE: "cast({} as blob)",
    POSTGRES: "convert_to(cast({} as text), 'UTF8')",
    # Whatever the column's character set is; one of bytes has none.
    MARIADB: "if(charset({0}) = 'binary', {0}, cast(convert({0} using utf8mb4) as binary))",
}
_READ_AS_BYTES: Final = ("message_data", "branch_id", "session_id", *_DETAILS)
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
    select {{branch_id}}, user_turn_number, {", ".join(_COUNTS)}, {{input_tokens_details}}, {{output_tokens_details}},
    {{created_at}} from {{foreign}} where {{of_session}}
"""  # noqa: S608 - These are names of columns, written above.
_OWNERS: Final = Statement(
    "The table of messages that branches are about, where that is known: this class of the SDK's knows SQLite only.",
    """select "table" from pragma_foreign_key_list('message_structure'{schema_argument}) where "from" = 'message_id'""",
    dict.fromkeys((POSTGRES, MARIADB), "select 1 from {schema} where 1 = 0"),
)
_COLUMNS_IN: Final = Statement(
    "The names of the columns of a table in a schema.",
    "select name from pragma_table_info(:table, :schema)",
    {
        POSTGRES: """
            select cast(attname as text) from pg_attribute
            where attrelid = to_regclass(quote_ident(cast(:schema as text)) || '.' || quote_ident(cast(:table as text)))
            and attnum > 0 and not attisdropped
        """,
        MARIADB: """
            select column_name from information_schema.columns where table_schema = :schema and table_name = :table
            and (@@lower_case_table_names <> 0 or binary table_name = :table)
        """,
    },
)
_TYPES: Final = Statement(
    "The names and types of the columns of a table that is named without a schema.",
    "select name, type from pragma_table_info(:table)",
    {
        POSTGRES: """
        select cast(attname as text), format_type(atttypid, null) from pg_attribute
        where attrelid = to_regclass('{where}' || quote_ident(cast(:table as text))) and attnum > 0 and not attisdropped
        """,
        MARIADB: """
        select column_name, data_type from information_schema.columns
        where table_schema = {schema_here} and table_name = :table
        """,
    },
)
_TYPES_IN: Final = Statement(
    "The same of a table in a schema.",
    "select name, type from pragma_table_info(:table, :schema)",
    {
        POSTGRES: """
        select cast(attname as text), format_type(atttypid, null) from pg_attribute
        where attrelid = to_regclass(quote_ident(cast(:schema as text)) || '.' || quote_ident(cast(:table as text)))
        and attnum > 0 and not attisdropped
        """,
        MARIADB: """
        select column_name, data_type from information_schema.columns
        where table_schema = :schema and table_name = :table
        """,
    },
)
_TEXTS: Final = re.compile("char|text|clob|binary|blob|^$", re.IGNORECASE)
_NUMBERS: Final = re.compile("int|serial|^$", re.IGNORECASE)
_TIMES: Final = re.compile("time|date|char|text|clob|^$", re.IGNORECASE)
_KINDS: Final = {
    **dict.fromkeys(("session_id", "message_data", "branch_id"), _TEXTS),
    **dict.fromkeys(("id", "message_id"), _NUMBERS),
    "created_at": _TIMES,
}
"""What types columns of the SDK's may have, whoever made the tables. SQLite's columns may have none."""

_SCHEMA_OF: Final = Statement(
    "The schema in which the connection finds a table that is named without one.",
    "select 'main' from pragma_table_info(:table) limit 1",
    {
        POSTGRES: """
        select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relname = :table and pg_table_is_visible(c.oid)
        """,
        MARIADB: """
        select table_schema from information_schema.tables where table_schema = database() and table_name = :table
        """,
    },
)
_FIRST_IDS: Final = "select id, {session_id} from {foreign} order by id limit :count"
_NEXT_IDS: Final = "select id, {session_id} from {foreign} where id > :after order by id limit :count"
_EMPTY: Final = """
    select {session_id} from {foreign} s where not exists (select 1 from {messages} m where m.session_id = s.session_id)
"""
_CREATED_AT: Final = "select {created_at} from {foreign} where {of_session}"
_COUNT: Final = "select count(*) from {foreign} where {of_session}"
_DELETE: Final = "delete from {foreign} where {of_session}"


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
    """What a turn of a branch cost; details are JSON."""

    branch: bytes
    turn: Any
    requests: Any
    input_tokens: Any
    output_tokens: Any
    input_details: bytes
    output_details: bytes
    created_at: int


def are_there(tx: Transaction, session_id: str, tables: ForeignTables) -> bool:
    """Tell whether the table of messages is there.

    Raises:
        StoreError: A table that the user named is not one of the SDK's.
    """
    tables = _located(tx, tables)
    if not _has_columns(tx, tables.messages, _MESSAGES_COLUMNS):
        if tables != ForeignTables() and _columns(tx, tables.messages):
            raise StoreError(
                f"session {session_id!r}: the table {tables.messages} is not one of the OpenAI Agents SDK; nothing was "
                f"changed. It would have the columns {', '.join(sorted(_MESSAGES_COLUMNS))}, with its types. Check "
                "messages_table"
            )
        return False
    return True


def has_messages(tx: Transaction, session_id: str, tables: ForeignTables) -> bool:
    """Tell whether there are messages of a session, in a table that is there.

    Raises:
        StoreReadOnlyError: This user may not read it.
    """
    tables = _located(tx, tables)
    schema, _, name = tables.messages.rpartition(".")
    if tx.one(schema_statements.MAY_READ, schema=schema, table=name) == (0,):
        raise StoreReadOnlyError(
            f"session {session_id!r}: this user may not read the table {tables.messages}, which may hold its "
            "messages by the OpenAI Agents SDK; nothing was changed. Grant select on it, or name other tables by "
            "sessions_table and messages_table"
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
    messages = _located(tx, tables).messages
    if after is None:
        rows = tx.all(_statement(_FIRST_IDS, messages), count=count)
    else:
        rows = tx.all(_statement(_NEXT_IDS, messages), after=after, count=count)
    return [(message, session_id) for message, session_id in rows]


def list_without_messages(tx: Transaction, tables: ForeignTables) -> list[tuple[bytes]]:
    """Return the ids of sessions without messages, as bytes."""
    tables = _located(tx, tables)
    if not _has_columns(tx, tables.messages, _MESSAGES_COLUMNS):
        return []
    if not _has_columns(tx, tables.sessions, _SESSIONS_COLUMNS):
        return []
    template = _EMPTY.replace("{messages}", _quoted(tables.messages))
    return [(session_id,) for (session_id,) in tx.all(_statement(template, tables.sessions))]


def read_messages(tx: Transaction, session_id: str, tables: ForeignTables, now: int) -> list[Message]:
    """Return a session's messages in the order of their ids. What has no time was written `now`."""
    rows = tx.all(_statement(_MESSAGES, _located(tx, tables).messages), session_id=session_id)
    return [Message(id_, bytes(data or b""), _microseconds(time, now)) for id_, data, time in rows]


def read_places(tx: Transaction, session_id: str, tables: ForeignTables, now: int) -> list[Place]:
    """Return on which branches a session's messages are, those of each branch in their order."""
    structure = _beside(tables, _STRUCTURE)
    if not _has_columns(tx, structure, _STRUCTURE_COLUMNS) or not _is_about(tx, tables):
        return []
    rows = tx.all(_statement(_PLACES, structure), session_id=session_id)
    return [
        Place(message, bytes(branch or b""), turn, _microseconds(time, now)) for message, branch, turn, time in rows
    ]


def read_spent(tx: Transaction, session_id: str, tables: ForeignTables, now: int) -> list[Spent]:
    """Return what a session's turns cost."""
    usage = _beside(tables, _USAGE)
    if not _has_columns(tx, usage, _USAGE_COLUMNS) or not _is_about(tx, tables):
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
    tables = _located(tx, tables)
    if _has_columns(tx, tables.sessions, _SESSIONS_COLUMNS):
        row = tx.one(_statement(_CREATED_AT, tables.sessions), session_id=session_id)
    return _microseconds(row[0] if row else None, now, otherwise=otherwise)


def delete_rows(tx: Transaction, session_id: str, tables: ForeignTables) -> bool:
    """Remove a session from the SDK's tables, so that it does not come back; tell whether it was there."""
    there = _tables_of(tx, tables)
    found = bool(there) and are_there(tx, session_id, tables) and has_messages(tx, session_id, tables)
    for table in there:
        tx.run(_statement(_DELETE, table), session_id=session_id)
    return found


def count_rows(tx: Transaction, session_id: str, tables: ForeignTables) -> int:
    """Return how many rows `delete_rows` would remove."""
    return sum(
        row[0] for table in _tables_of(tx, tables) for row in tx.all(_statement(_COUNT, table), session_id=session_id)
    )


def _tables_of(tx: Transaction, tables: ForeignTables) -> list[str]:
    """Return the SDK's tables that are there and have rows of sessions; none without one of messages."""
    tables = _located(tx, tables)
    if not _has_columns(tx, tables.messages, _MESSAGES_COLUMNS):
        return []
    advanced = [_beside(tables, table) for table in ADVANCED_TABLES]
    if not _has_columns(tx, advanced[0], _STRUCTURE_COLUMNS):
        advanced = []
    listed = (*advanced, tables.messages, tables.sessions)
    return [table for table in listed if _has_columns(tx, table, frozenset({"session_id"}))]


def _is_about(tx: Transaction, tables: ForeignTables) -> bool:
    """Tell whether branches are those of these tables; messages of another pair have the same ids."""
    owners = {str(name).lower() for (name,) in tx.all(_OWNERS)}
    return not owners or tables.messages.rpartition(".")[2].lower() in owners


def _located(tx: Transaction, tables: ForeignTables) -> ForeignTables:
    """Return where the tables are that a user named: beside ours, or else where the connection finds them.

    The SDK's usual names are looked for beside ours alone: ours may be in a schema for each tenant.
    """
    if tables == ForeignTables() or "." in tables.messages or _columns(tx, tables.messages):
        return tables
    row = tx.one(_SCHEMA_OF, table=tables.messages)
    if row is None:
        return tables
    return ForeignTables(*(name if "." in name else f"{row[0]}.{name}" for name in tables))


def _beside(tables: ForeignTables, table: str) -> str:
    """Return the name of one of the tables that are in the same schema as that of messages."""
    schema, dot, _ = tables.messages.rpartition(".")
    return f"{schema}{dot}{table}"


def _has_columns(tx: Transaction, table: str, columns: frozenset[str]) -> bool:
    """Tell whether there is such a table with these columns: one of the same name may be somebody else's.

    So may one with the same columns of other types, as numbers or UUIDs for ids of sessions, or JSON of the database's.
    """
    schema, _, name = table.rpartition(".")
    found = tx.all(_TYPES_IN, table=name, schema=schema) if schema else tx.all(_TYPES, table=name)
    types = {_text(column): _text(kind) for column, kind in found}
    if not columns <= types.keys():
        return False
    return all(_KINDS[column].search(types[column]) for column in columns & _KINDS.keys())


def _text(value: Any) -> str:
    """Return text that MariaDB may give as bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)


def _columns(tx: Transaction, table: str) -> set[str]:
    schema, _, name = table.rpartition(".")
    found = tx.all(_COLUMNS_IN, table=name, schema=schema) if schema else tx.all(schema_statements.COLUMNS, table=name)
    return {column for (column,) in found}


def _microseconds(time: object, now: int, *, otherwise: int | None = None) -> int:
    """Return a time of the SDK's in microseconds since 1970, UTC: never later than `now`.

    What is not a time was written at `otherwise`, which is `now` if not given.
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

"""Which of the OpenAI Agents SDK's tables there are, and where: another program's table may have the same name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from sessions.db.dialect import MARIADB, POSTGRES
from sessions.db.transaction import Statement
from sessions.errors import StoreError
from sessions.log.conversation import ADVANCED_TABLES, ForeignTables

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction

STRUCTURE: Final = "message_structure"
USAGE: Final = "turn_usage"

MESSAGES_COLUMNS: Final = frozenset({"id", "session_id", "message_data", "created_at"})
SESSIONS_COLUMNS: Final = frozenset({"session_id", "created_at"})
STRUCTURE_COLUMNS: Final = frozenset(
    {"session_id", "message_id", "branch_id", "sequence_number", "user_turn_number", "created_at"}
)
COUNTS: Final = ("requests", "input_tokens", "output_tokens")
DETAILS: Final = ("input_tokens_details", "output_tokens_details")
USAGE_COLUMNS: Final = frozenset({"session_id", "branch_id", "user_turn_number", "created_at", *COUNTS, *DETAILS})

_OWNERS: Final = Statement(
    "The table of messages that branches are about, where that is known: this class of the SDK's knows SQLite only.",
    """select "table" from pragma_foreign_key_list('message_structure'{schema_argument}) where "from" = 'message_id'""",
    dict.fromkeys((POSTGRES, MARIADB), "select 1 from {schema} where 1 = 0"),
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
        and (@@lower_case_table_names <> 0 or binary table_name = :table)
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
        and (@@lower_case_table_names <> 0 or binary table_name = :table)
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


def are_there(tx: Transaction, session_id: str, tables: ForeignTables) -> bool:
    """Tell whether the table of messages is there.

    Raises:
        StoreError: A table that the user named is not one of the SDK's.
    """
    tables = located(tx, tables)
    if not has_columns(tx, tables.messages, MESSAGES_COLUMNS):
        if tables != ForeignTables() and types_of(tx, tables.messages):
            raise StoreError(
                f"session {session_id!r}: the table {tables.messages} is not one of the OpenAI Agents SDK, which "
                f"would have the columns {', '.join(sorted(MESSAGES_COLUMNS))}, with its types. Nothing was "
                "changed. Check messages_table."
            )
        return False
    return True


def tables_of(tx: Transaction, tables: ForeignTables) -> list[str]:
    """Return the SDK's tables that are there and have rows of sessions; none without one of messages."""
    tables = located(tx, tables)
    if not has_columns(tx, tables.messages, MESSAGES_COLUMNS):
        return []
    advanced = [beside(tables, table) for table in ADVANCED_TABLES]
    if not has_columns(tx, advanced[0], STRUCTURE_COLUMNS):
        advanced = []
    listed = (*advanced, tables.messages, tables.sessions)
    return [table for table in listed if has_columns(tx, table, frozenset({"session_id"}))]


def is_about(tx: Transaction, tables: ForeignTables) -> bool:
    """Tell whether branches are those of these tables; messages of another pair have the same ids."""
    owners = {str(name).lower() for (name,) in tx.all(_OWNERS)}
    return not owners or tables.messages.rpartition(".")[2].lower() in owners


def located(tx: Transaction, tables: ForeignTables) -> ForeignTables:
    """Return where the tables are that a user named: beside ours, or else where the connection finds them.

    The SDK's usual names are looked for beside ours alone: ours may be in a schema for each tenant.
    """
    if tables == ForeignTables() or "." in tables.messages or types_of(tx, tables.messages):
        return tables
    row = tx.one(_SCHEMA_OF, table=tables.messages)
    if row is None:
        return tables
    return ForeignTables(*(name if "." in name else f"{row[0]}.{name}" for name in tables))


def beside(tables: ForeignTables, table: str) -> str:
    """Return the name of one of the tables that are in the same schema as that of messages."""
    schema, dot, _ = tables.messages.rpartition(".")
    return f"{schema}{dot}{table}"


def has_columns(tx: Transaction, table: str, columns: frozenset[str]) -> bool:
    """Tell whether a table of this name has these columns: one of the same name may belong to another program.

    So may one with the same columns of other types, as numbers or UUIDs for ids of sessions, or JSON of the database's.
    """
    types = types_of(tx, table)
    if not columns <= types.keys():
        return False
    return all(_KINDS[column].search(types[column]) for column in columns & _KINDS.keys())


def types_of(tx: Transaction, table: str) -> dict[str, str]:
    """Return the types of a table's columns by their names; none if the table is missing."""
    schema, _, name = table.rpartition(".")
    found = tx.all(_TYPES_IN, table=name, schema=schema) if schema else tx.all(_TYPES, table=name)
    return {_text(column): _text(kind) for column, kind in found}


def _text(value: Any) -> str:
    """Return text that MariaDB may give as bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)

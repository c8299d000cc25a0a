"""The words in statements and their replacements: names of tables and indexes, types, and each component's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.db.dialect import (
    CLOCK,
    CURRENT_SCHEMA,
    FOR_UPDATE,
    MARIADB,
    PREFIX,
    SQLITE,
    TYPES,
    check_name,
)
from sessions.db.ids import WORDS as IDS
from sessions.db.settings import STORE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.db.schema import Schema

SCHEMA_TABLE: Final = "log_schema"
"""The name of the table of migrations, without the prefix.

Programs older than components look for this name: they find a number there that they do not know, and refuse it.
"""


def table_name(schema: Schema, name: str, prefix: str = PREFIX) -> str:
    """Return the name of a table or an index of a component.

    Args:
        schema: The component's.
        name: The name in the component.
        prefix: The common prefix of all names of tables of a store.
    """
    return f"{prefix}{schema.component}_{name}"


def schema_table_name(prefix: str) -> str:
    """Return the name of the table of migrations.

    Raises:
        ValueError: It cannot name a table.
    """
    return check_name(prefix + SCHEMA_TABLE)


def all_table_names(schemas: Sequence[Schema], prefix: str = PREFIX) -> list[str]:
    """Return the names of all tables of a store with some components."""
    ours = [table_name(schema, table.name, prefix) for schema in (STORE, *schemas) for table in schema.tables]
    return [prefix + SCHEMA_TABLE, *ours]


def content_table_names(schemas: Sequence[Schema], prefix: str = PREFIX) -> list[str]:
    """Return the names of the tables that hold users' data."""
    return [table_name(schema, table.name, prefix) for schema in schemas for table in schema.tables if table.content]


def words(
    schemas: Sequence[Schema], database: str, prefix: str = PREFIX, sql_schema: str | None = None
) -> dict[str, str]:
    """Return the words in statements with their replacements.

    Args:
        schemas: The components that the statements belong to.
        database: `SQLITE`, `POSTGRES` or `MARIADB`.
        prefix: The common prefix of our tables' names.
        sql_schema: The schema they are in, if not the connection's own.

    Raises:
        ValueError: A name cannot name a table.
    """
    if sql_schema is not None:
        check_name(sql_schema, "a schema")
    quote = "`" if database == MARIADB else '"'
    where = f"{quote}{sql_schema}{quote}." if sql_schema else ""
    here = f"'{sql_schema}'" if sql_schema else CURRENT_SCHEMA.get(database, "")
    # SQLite names an index's schema with the index, and others with its table.
    of_index, of_table = (where, "") if database == SQLITE else ("", where)
    names = {"schema": f"{where}{quote}{schema_table_name(prefix)}{quote}"}
    for schema in (STORE, *schemas):
        for table in schema.tables:
            name = f"{quote}{check_name(table_name(schema, table.name, prefix))}{quote}"
            names |= {table.name: f"{where}{name}", f"on_{table.name}": f"{of_table}{name}"}
            names[f"name_of_{table.name}"] = f"'{table_name(schema, table.name, prefix)}'"
        for index in schema.indexes:
            name = f"{quote}{check_name(table_name(schema, index.name, prefix))}{quote}"
            names[index.name] = f"{of_index}{name}"
    given = {word: text.format_map({**IDS, **names}) for schema in schemas for word, text in schema.words.items()}
    others = {
        "q": quote,
        "where": where,
        "schema_here": here,
        "schema_name": f"'{prefix}{SCHEMA_TABLE}'",
        "older_schema_name": f"'{prefix}schema'",
        "schema_argument": f", {here}" * bool(sql_schema),
        "clock": CLOCK[database],
        "for_update": FOR_UPDATE[database],
    }
    return {**TYPES[database], **IDS, **names, **given, **others}

"""Functions for Alembic revisions: run our migrations in the revision's transaction, or only record their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from sessions.clock import now
from sessions.db.dialect import MARIADB, check_name
from sessions.db.migrations import applied_numbers, migrate
from sessions.db.sqlalchemy.transaction import SQLAlchemyTransaction, Texts
from sessions.db.words import schema_table_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from sessions.db.schema import Schema


def migrate_within(connection: Connection, schemas: Sequence[Schema], prefix: str, sql_schema: str | None) -> None:
    """Make the tables of components, or bring them up to date, in the transaction of a connection.

    Args:
        connection: A synchronous connection of SQLAlchemy's, as a revision has it.
        schemas: The components.
        prefix: The common prefix of all tables' names.
        sql_schema: The schema they are in, if not the connection's own.

    Raises:
        ValueError: A name cannot name a table.
        StoreBusyError: Another process has been migrating for a minute.
    """
    name = connection.dialect.name
    texts = Texts(schemas, MARIADB if name == "mariadb" else name, prefix, sql_schema)
    migrate(SQLAlchemyTransaction(connection, texts), schemas, now())


def note_within(connection: Connection, schemas: Sequence[Schema], prefix: str, sql_schema: str | None) -> None:
    """Note all migrations of components as applied, in the transaction of a connection.

    Args:
        connection: A synchronous connection of SQLAlchemy's, as a revision has it.
        schemas: The components.
        prefix: The common prefix of all tables' names.
        sql_schema: The schema they are in, if not the connection's own.

    Raises:
        ValueError: A name cannot name a table.
    """
    where = f"{check_name(sql_schema, 'a schema')}." if sql_schema else ""
    table = where + schema_table_name(prefix)
    noted = {tuple(row) for row in connection.execute(text(f"select component, number from {table}"))}  # noqa: S608 - checked
    insert = text(f"insert into {table} (component, number, applied_at) values (:component, :number, :now)")  # noqa: S608 - checked
    for component, number in applied_numbers(schemas):
        if (component, number) not in noted:
            connection.execute(insert, {"component": component, "number": number, "now": now()})

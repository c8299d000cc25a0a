"""What revisions of Alembic's call: our migrations in its transaction, or their numbers alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from sessions.clock import now
from sessions.db.dialect import MARIADB, PREFIX, check_name, table_name
from sessions.db.sqlalchemy.transaction import SQLAlchemyTransaction, Texts
from sessions.log import schema
from sessions.log.schema import MIGRATIONS

if TYPE_CHECKING:
    from sqlalchemy import Connection


def migrate(connection: Connection, table_prefix: str = PREFIX, schema_name: str | None = None) -> None:
    """Make our tables, or bring them up to date, in the transaction of a connection.

    Do so in one revision for each release of agent-sessions that has new migrations: ``migrate(op.get_bind())``.

    Args:
        connection: A synchronous connection of SQLAlchemy's, as a revision has it.
        table_prefix: What our tables' names begin with.
        schema_name: The schema they are in, if not the connection's own.

    Raises:
        ValueError: A name cannot name a table.
        StoreBusyError: Another process has been migrating for a minute.
    """
    name = connection.dialect.name
    texts = Texts(MARIADB if name == "mariadb" else name, table_prefix, schema_name)
    schema.migrate(SQLAlchemyTransaction(connection, texts), now())


def migration_numbers() -> tuple[int, ...]:
    """Return the numbers of the migrations that this version knows, as ``agent_log_schema`` holds them.

    Example: ``op.bulk_insert(table, [{"number": n, "applied_at": 0} for n in migration_numbers()])``
    """
    return tuple(range(1, len(MIGRATIONS) + 1))


def note_migrations(connection: Connection, table_prefix: str = PREFIX, schema_name: str | None = None) -> None:
    """Note that tables which were made of `metadata()` are those of this version: ``note_migrations(op.get_bind())``.

    Only for tables that were empty until now: some migrations also change rows, which `migrate` does.

    Args:
        connection: A synchronous connection of SQLAlchemy's, as a revision has it.
        table_prefix: What our tables' names begin with.
        schema_name: The schema they are in, if not the connection's own.

    Raises:
        ValueError: A name cannot name a table.
    """
    where = f"{check_name(schema_name, 'a schema')}." if schema_name else ""
    table = where + check_name(table_name("schema", table_prefix))
    known = {number for (number,) in connection.execute(text(f"select number from {table}"))}  # noqa: S608 - checked
    insert = text(f"insert into {table} (number, applied_at) values (:number, :now)")  # noqa: S608 - checked
    for number in migration_numbers():
        if number not in known:
            connection.execute(insert, {"number": number, "now": now()})

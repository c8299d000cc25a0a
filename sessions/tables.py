"""All our tables, for programs that make them by Alembic or by a command instead of at the first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.db.dialect import PREFIX
from sessions.db.migrations import applied_numbers
from sessions.db.sqlalchemy.alembic_revisions import migrate_within, note_within
from sessions.db.sqlalchemy.metadata import metadata_of
from sessions.log.schema import LOG

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData

SCHEMAS: Final = (LOG,)
"""The tables of each component."""


def metadata(table_prefix: str = PREFIX, schema: str | None = None) -> MetaData:
    """Return our tables on Postgres or MariaDB.

    Example: ``target_metadata = [Base.metadata, metadata()]``

    Args:
        table_prefix: What their names begin with.
        schema: The schema they are in, if not the connection's own.

    Raises:
        ValueError: A name cannot name a table.
    """
    return metadata_of(SCHEMAS, table_prefix, schema)


def migrate(connection: Connection, table_prefix: str = PREFIX, schema_name: str | None = None) -> None:
    """Make our tables, or bring them up to date, in the transaction of a connection.

    Do so in one revision for each release of agent-session-store that has new migrations: ``migrate(op.get_bind())``.

    Args:
        connection: A synchronous connection of SQLAlchemy's, as a revision has it.
        table_prefix: What our tables' names begin with.
        schema_name: The schema they are in, if not the connection's own.

    Raises:
        ValueError: A name cannot name a table.
        StoreBusyError: Another process has been migrating for a minute.
    """
    migrate_within(connection, SCHEMAS, table_prefix, schema_name)


def migration_numbers() -> tuple[tuple[str, int], ...]:
    """Return the migrations that this version knows, as ``agent_log_schema`` holds them: component and number.

    Example: ``op.bulk_insert(table, [{"component": c, "number": n, "applied_at": 0} for c, n in migration_numbers()])``
    """
    return tuple(applied_numbers(SCHEMAS))


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
    note_within(connection, SCHEMAS, table_prefix, schema_name)

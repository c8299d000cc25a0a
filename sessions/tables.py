"""All our tables, for programs that create them with Alembic or a command instead of at the first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.checkpoints.schema import CHECKPOINTS
from sessions.db.dialect import PREFIX
from sessions.db.migrations import applied_numbers
from sessions.db.sqlalchemy.alembic_revisions import migrate_within, note_within
from sessions.db.sqlalchemy.metadata import metadata_of
from sessions.log.schema import LOG
from sessions.memory.schema import MEMORY

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData

SCHEMAS: Final = (LOG, MEMORY, CHECKPOINTS)
"""The tables of each component."""


def metadata(table_prefix: str = PREFIX, schema: str | None = None) -> MetaData:
    """Return SQLAlchemy's metadata of our tables, for Postgres or MariaDB.

    Example: ``target_metadata = [Base.metadata, metadata()]``

    Args:
        table_prefix: The prefix of our tables' names.
        schema: The schema of our tables; the connection's own by default.

    Raises:
        ValueError: A name cannot be the name of a table.
    """
    return metadata_of(SCHEMAS, table_prefix, schema)


def migrate(connection: Connection, table_prefix: str = PREFIX, schema_name: str | None = None) -> None:
    """Create our tables, or bring them up to date, in the transaction of a connection.

    Example: ``migrate(op.get_bind())``

    Call it in one Alembic revision for each release of this package that has new migrations.

    Args:
        connection: A synchronous SQLAlchemy connection, such as a revision's.
        table_prefix: The prefix of our tables' names.
        schema_name: The schema of our tables; the connection's own by default.

    Raises:
        ValueError: A name cannot be the name of a table.
        StoreBusyError: Another process has been migrating for a minute.
    """
    migrate_within(connection, SCHEMAS, table_prefix, schema_name)


def migration_numbers() -> tuple[tuple[str, int], ...]:
    """List the migrations that this version knows, as ``agent_log_schema`` stores them: pairs of component and number.

    Example: ``op.bulk_insert(table, [{"component": c, "number": n, "applied_at": 0} for c, n in migration_numbers()])``
    """
    return tuple(applied_numbers(SCHEMAS))


def note_migrations(connection: Connection, table_prefix: str = PREFIX, schema_name: str | None = None) -> None:
    """Record that empty tables made from `metadata()` are up to date.

    Example: ``note_migrations(op.get_bind())``

    Use it only for tables without rows: some migrations also change rows, which only `migrate` does.

    Args:
        connection: A synchronous SQLAlchemy connection, such as a revision's.
        table_prefix: The prefix of our tables' names.
        schema_name: The schema of our tables; the connection's own by default.

    Raises:
        ValueError: A name cannot be the name of a table.
    """
    note_within(connection, SCHEMAS, table_prefix, schema_name)

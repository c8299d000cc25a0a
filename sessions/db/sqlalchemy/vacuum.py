"""The places where bytes of deleted rows stay on databases behind SQLAlchemy, and the remedies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DBAPIError

from sessions.db.dialect import POSTGRES
from sessions.db.sqlalchemy.errors import is_database_error
from sessions.db.sqlalchemy.pools import borrowed
from sessions.db.sqlalchemy.retry import FailedError
from sessions.db.sqlite.vacuum import not_rewritten, still_read
from sessions.db.words import content_table_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncEngine

    from sessions.db.schema import Schema

_ROWS: Final = "the files of the tables may hold deleted rows until they are rewritten: run "
_FREED: Final = "Autovacuum, or VACUUM without FULL, frees the space, which is overwritten when it is used again"
_POSTGRES_LOGS: Final = (
    "the write-ahead log, and what is made of it (archives, replicas, backups), holds them until it is recycled or "
    "deleted: pg_wal after a CHECKPOINT or two, the others by your own rules"
)
_MARIADB_LOGS: Final = (
    "the undo and redo logs hold them until they are overwritten; the binary log, if there is one, until PURGE BINARY "
    "LOGS or its expiry; replicas and backups by your own rules"
)


def tables_with_content(schemas: Sequence[Schema], prefix: str, sql_schema: str | None) -> list[str]:
    """Return the names of the tables that hold something of users."""
    where = f"{sql_schema}." if sql_schema else ""
    return [where + name for name in content_table_names(schemas, prefix)]


def pending_on_server(database: str, ours: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    """Return the pending work after rows were deleted from a server's tables.

    PostgreSQL: https://www.postgresql.org/docs/current/routine-vacuuming.html. MariaDB:
    https://mariadb.com/kb/en/innodb-purge/ and https://mariadb.com/kb/en/optimize-table/.
    """
    tables = ", ".join((*ours, *others))
    if database == POSTGRES:
        return (_ROWS + f"VACUUM FULL {tables} (it locks them meanwhile). {_FREED}", _POSTGRES_LOGS)
    return (_ROWS + f"OPTIMIZE TABLE {tables}", _MARIADB_LOGS)


async def scrub(engine: AsyncEngine) -> tuple[str, ...]:
    """Scrub the file of an engine.

    Raises:
        FailedError: The database failed.
    """
    try:
        async with borrowed(engine) as connection:
            return await connection.run_sync(_scrub_file, engine.url.database)
    except Exception as error:
        if not is_database_error(error):
            raise
        raise FailedError(error, outcome_known=True) from None


def _scrub_file(connection: Connection, path: str | None) -> tuple[str, ...]:
    """Do the same as `sessions.db.sqlite.vacuum.scrub`, for a file that need not have a write-ahead log."""
    pending = []
    where = path or ":memory:"
    try:
        connection.exec_driver_sql("vacuum")
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        pending.append(not_rewritten(where, error.orig or error))
    mode = connection.exec_driver_sql("pragma journal_mode").scalar_one()
    if mode == "wal":
        patience = connection.exec_driver_sql("pragma busy_timeout").scalar_one()
        connection.exec_driver_sql("pragma busy_timeout = 1000")
        try:
            blocked = connection.exec_driver_sql("pragma wal_checkpoint(truncate)").scalars().first()
        except DBAPIError:
            blocked = 1
        finally:
            connection.exec_driver_sql(f"pragma busy_timeout = {patience}")
        if blocked:
            pending.append(still_read(where))
    elif mode == "persist":
        pending.append(f"{where}-journal may hold deleted rows: set another journal mode than {mode}")
    return tuple(pending)

"""The begin and end of a transaction over SQLAlchemy, with any listeners and options of the engine.

Our transactions need an isolation of their own: a snapshot for several reads; for changes, the level that commands are
written for. It has to be set before the transaction has begun. An engine's listeners may begin one, when the connection
is borrowed, by executing something. Such a transaction is committed, as a setting may have been made in it; then the
listeners are called once more, within ours, so that even their "local" settings hold in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from sessions.db.sqlalchemy.planner import FOR_THIS_TRANSACTION
from sessions.errors import StoreReadOnlyError

if TYPE_CHECKING:
    from sqlalchemy import Connection


class Bounds(Protocol):
    """Begins and ends the transactions of one kind of database; inside SQLAlchemy's `run_sync`."""

    def begin(self, connection: Connection, *, write: bool) -> None:
        """Begin a snapshot for reading, or a transaction that may write."""
        ...

    def commit(self, connection: Connection) -> None:
        """Commit."""
        ...

    def roll_back(self, connection: Connection) -> None:
        """Undo a transaction that failed at any point, and restore the connection's state before `begin`."""
        ...


class PostgresBounds:
    """On Postgres, with any driver."""

    def begin(self, connection: Connection, *, write: bool) -> None:
        """Begin a snapshot for reading, or a transaction that may write."""
        options = connection.get_execution_options()
        if write and options.get("postgresql_readonly"):
            raise StoreReadOnlyError(
                "the engine has postgresql_readonly=True, so it cannot write. Nothing was changed. Use an engine "
                "without it."
            )
        again = end_what_began(connection, began=_is_in_transaction(connection.connection.driver_connection))
        # The engine's own settings may differ. It sets them again when the connection is returned.
        level = "READ COMMITTED" if write else "REPEATABLE READ"
        connection.execution_options(isolation_level=level, **row_by_row(options))
        if again:
            listen_again(connection)
        connection.exec_driver_sql(FOR_THIS_TRANSACTION)
        if not _writes_all_text(connection.connection.driver_connection):
            connection.exec_driver_sql("set local client_encoding = 'UTF8'")

    def commit(self, connection: Connection) -> None:
        """Commit."""
        connection.commit()

    def roll_back(self, connection: Connection) -> None:
        """Leave nothing of a transaction that failed; SQLAlchemy does that, as it knows of the transaction."""
        connection.rollback()


def _is_in_transaction(driver_connection: Any) -> bool:
    if hasattr(driver_connection, "is_in_transaction"):  # asyncpg
        return bool(driver_connection.is_in_transaction())
    info = getattr(driver_connection, "info", None)  # psycopg; 0 is PQTRANS_IDLE
    return info is not None and bool(info.transaction_status)


def _writes_all_text(driver_connection: Any) -> bool:
    """Return whether a driver has Unicode on the wire. psycopg uses the encoding of the database or of a setting."""
    info = getattr(driver_connection, "info", None)
    return info is None or info.encoding == "utf-8"


def end_what_began(connection: Connection, *, began: bool) -> bool:
    """Commit a transaction that listeners have begun; return whether there was one."""
    if connection.in_transaction():
        connection.commit()
        return True
    if began:
        dbapi_connection: Any = connection.connection.dbapi_connection
        dbapi_connection.commit()
    return began


def listen_again(connection: Connection) -> None:
    """Call the listeners for a connection that is borrowed once more."""
    borrowed: Any = connection.connection
    checkout = connection.engine.pool.dispatch.checkout
    if checkout:
        checkout(borrowed.dbapi_connection, borrowed._connection_record, borrowed)  # noqa: SLF001
    for listener in connection.dispatch.engine_connect:
        # SQLAlchemy's own sets the engine's isolation, which is not ours.
        if not listener.__module__.startswith("sqlalchemy.engine."):
            listener(connection)


def row_by_row(options: Any) -> dict[str, Any]:
    """Return options that override an engine's wish to fetch row by row: we fetch all rows at once."""
    return {name: None for name in ("stream_results", "yield_per") if options.get(name)}


def execute(connection: Connection, statement: str) -> list[Any]:
    """Execute a statement about the connection's own state, without beginning a transaction of SQLAlchemy's.

    Raises:
        DBAPIError: As from SQLAlchemy: a lost connection is removed from the pool.
    """
    cursor = connection.connection.cursor()
    try:
        cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []
    except connection.dialect.loaded_dbapi.Error as error:
        connection._handle_dbapi_exception(error, statement, None, cursor, None)  # noqa: SLF001 - it wraps and raises
        raise
    finally:
        cursor.close()


def succeeds(connection: Connection, statement: str, *, but: int) -> bool:
    """Execute such a statement; tell whether it has succeeded, and not failed with an error of that number."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute(statement)
    except connection.dialect.loaded_dbapi.Error as error:
        if error.args[:1] == (but,):
            return False
        connection._handle_dbapi_exception(error, statement, None, cursor, None)  # noqa: SLF001 - it wraps and raises
        raise
    finally:
        cursor.close()
    return True

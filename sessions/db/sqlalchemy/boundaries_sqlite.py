"""Where a transaction on SQLite through SQLAlchemy begins and ends, however the driver was told to do that."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.pool import StaticPool
from sqlalchemy.util import await_only

from sessions.db.sqlalchemy.boundaries import execute, row_by_row
from sessions.db.sqlalchemy.forks import use
from sessions.db.sqlalchemy.retry import FailedError
from sessions.db.sqlalchemy.urls import file_of
from sessions.db.sqlite.opening import identify

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SECURE: Final = "sessions_secure_delete"
"""What a connection's `info` says once SQLite overwrites on it what is deleted."""

_FILE: Final = "sessions_file"
"""Which file a connection has open, in its `info`."""

_AUTOCOMMIT: Final = "sessions_autocommit"
"""Where a connection's `info` has the driver's ``autocommit``, which Python has from 3.12 on."""


class SQLiteBounds:
    """On SQLite, with aiosqlite.

    Python's ``sqlite3`` would begin only before the first change, and SQLite would then not wait for others. With
    ``autocommit=True`` it neither begins nor commits; with ``autocommit=False`` a transaction is always open.
    """

    def begin(self, connection: Connection, *, write: bool) -> None:
        """Begin a snapshot for reading, or a transaction that may write."""
        if options := row_by_row(connection.get_execution_options()):
            connection.execution_options(**options)
        known = connection.connection.info
        _check_file(connection)
        if write and _SECURE not in known:
            execute(connection, "pragma secure_delete = on")
            known[_SECURE] = True
        # In memory, all share one connection: the open transaction on it is another caller's.
        shared = isinstance(connection.engine.pool, StaticPool) and _autocommit(connection) is not False
        others = shared and _driver(connection).in_transaction
        if not connection.in_transaction():
            # Listeners for that may begin by themselves, as SQLAlchemy's documentation has them do.
            connection.begin()
        if _driver(connection).in_transaction and not others:
            if not write:
                return
            # One that was begun to read may not be allowed to write once others have written.
            execute(connection, "commit")
        connection.exec_driver_sql("begin immediate" if write else "begin")

    def commit(self, connection: Connection) -> None:
        """Commit."""
        if _autocommit(connection) is True:
            execute(connection, "commit")
        connection.commit()

    def roll_back(self, connection: Connection) -> None:
        """Leave nothing of a transaction that failed."""
        always_open = _autocommit(connection) is False
        try:
            is_open = _driver(connection).in_transaction
        except (sqlite3.ProgrammingError, ValueError):
            return  # A fork has closed it, and with it the open transaction.
        if is_open and not always_open:
            execute(connection, "rollback")
        elif always_open and not is_open:
            # SQLite has rolled back by itself, and the driver would not know.
            execute(connection, "begin")
        connection.rollback()


def _check_file(connection: Connection) -> None:
    """Note which file a new connection has open, and take it out of the pool if that was replaced or deleted."""
    if isinstance(connection.engine.pool, StaticPool):
        return
    known, url = connection.connection.info, connection.engine.url
    path = file_of(url)
    file = None if path is None else identify(path)
    if _FILE not in known:
        use(_driver(connection), str(path or url.database), connection.engine.pool)
        known[_FILE] = file
    elif known[_FILE] != file:
        # A write to a file that was replaced or deleted would be lost.
        connection.invalidate()
        raise FailedError(ConnectionResetError(), outcome_known=True)


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _autocommit(connection: Connection) -> Any:
    """Return the driver's ``autocommit``: True, False, or something else where it goes by ``isolation_level``."""
    known = connection.connection.info
    if _AUTOCOMMIT not in known:
        driver = _driver(connection)
        # Only the connection's own thread may ask.
        known[_AUTOCOMMIT] = await_only(driver._execute(getattr, driver._conn, "autocommit", None))  # noqa: SLF001
    return known[_AUTOCOMMIT]

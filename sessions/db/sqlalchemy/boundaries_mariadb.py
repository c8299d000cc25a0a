"""The begin and end of a transaction on MariaDB, and the settings within it, with any settings of the session.

The drivers write values into the statement's text, and escape bytes by backslashes in any mode. With
``NO_BACKSLASH_ESCAPES``, or in a character set in which a backslash may be half of a character, a value would become
SQL. In other modes, a text that is too long is cut short without an error, an empty text becomes null, or a statement
means something else; ``sql_select_limit`` hides rows, and a small ``max_recursive_iterations`` ends a search early.

So the statement that sets the transaction's isolation also asks whether the settings are usual, which costs nothing. It
fails where they are not. Then they are set for the transaction, and set back at its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.exc import DBAPIError

from sessions.db.sqlalchemy.boundaries import end_what_began, execute, listen_again, row_by_row, succeeds
from sessions.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy import Connection

_NOT_USUAL: Final = 1242
"""Subquery returns more than 1 row."""

_HARMLESS: Final = (
    "^(STRICT_TRANS_TABLES|STRICT_ALL_TABLES|TRADITIONAL|ERROR_FOR_DIVISION_BY_ZERO|NO_AUTO_CREATE_USER"
    "|NO_ENGINE_SUBSTITUTION|NO_ZERO_DATE|NO_ZERO_IN_DATE|,)*$"
)
"""Modes in which our statements mean the same."""

_OURS: Final = {
    "sql_mode": "'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION'",
    "character_set_client": "utf8mb4",
    "character_set_connection": "utf8mb4",
    # It goes with the one before.
    "collation_connection": "utf8mb4_general_ci",
    "character_set_results": "utf8mb4",
    "sql_select_limit": "18446744073709551615",
    "sql_safe_updates": "0",
    "max_recursive_iterations": "4294967295",
    "unique_checks": "1",
    "completion_type": "0",
}

_USUAL: Final = f"""
    @@sql_mode rlike 'STRICT_' and @@sql_mode rlike '{_HARMLESS}'
    and (@@character_set_client, @@character_set_connection, @@character_set_results)
        = ('utf8mb4', 'utf8mb4', 'utf8mb4')
    and (@@sql_select_limit, @@sql_safe_updates, @@unique_checks, @@completion_type)
        = (18446744073709551615, 0, 1, 'NO_CHAIN')
    and @@max_recursive_iterations >= 1000
"""
_CHECK: Final = f"@sessions_usual = if({_USUAL}, 1, (select 1 union select 2))"
_LEVEL: Final = "@@tx_isolation = '{}'"
_SET_OURS: Final = ", ".join(f"{name} = {value}" for name, value in _OURS.items())
_SET: Final = ", ".join(f"@sessions_{name} = @@{name}" for name in _OURS) + ", " + _SET_OURS
_SET_BACK: Final = "set " + ", ".join(f"{name} = @sessions_{name}" for name in _OURS)

_UNUSUAL: Final = "sessions_unusual"
"""What a connection's `info` says once its settings were found not to be usual."""

_UNICODE: Final = ("utf8mb4", "utf8mb3", "utf8")
"""Character sets of a driver's in which it writes and reads all of Unicode."""

_IN_TRANSACTION: Final = 1
_AUTOCOMMIT: Final = 2
_NO_BACKSLASH_ESCAPES: Final = 512
"""Flags that the server sends with each answer. A driver escapes text by the last one."""


class MariaDBBounds:
    """On MariaDB, with any driver that tells the server's flags."""

    def begin(self, connection: Connection, *, write: bool) -> None:
        """Begin a snapshot for reading, or a transaction that may write."""
        _check_character_set(connection)
        options = row_by_row(connection.get_execution_options())
        if options:
            connection.execution_options(**options)
        again = end_what_began(connection, began=bool(_flags(connection) & _IN_TRANSACTION))
        if again and _flags(connection) & _IN_TRANSACTION:
            raise StoreError(
                "the connection starts another transaction whenever one ends (completion_type), so ours must "
                "wait for it. Nothing was changed. Set completion_type to NO_CHAIN."
            )
        _enter(connection, "read-committed" if write else "repeatable-read")
        _start(connection)
        if again:
            listen_again(connection)
        if not connection.in_transaction():
            connection.begin()
        if again or connection.dispatch.begin:
            # Listeners may have set something since.
            _check_again(connection)
            if not _flags(connection) & _IN_TRANSACTION:
                _start(connection)

    def commit(self, connection: Connection) -> None:
        """Commit."""
        connection.commit()
        if _UNUSUAL in connection.connection.info:
            try:
                execute(connection, _SET_BACK)
            except DBAPIError:
                # It is committed; the pool opens another one.
                connection.invalidate()

    def roll_back(self, connection: Connection) -> None:
        """Leave nothing of a transaction that failed."""
        unusual = _UNUSUAL in connection.connection.info
        # SQLAlchemy may be told that there is nothing to roll back in autocommit.
        if unusual or _flags(connection) & _AUTOCOMMIT:
            execute(connection, "rollback")
        connection.rollback()
        if unusual:
            execute(connection, _SET_BACK)


def _start(connection: Connection) -> None:
    """Start a transaction if the first statement would not, or if the driver may take a mode for set that is not.

    asyncmy does not notice when the last flag is cleared: it would continue to escape text as if backslashes were
    literal.
    """
    if _flags(connection) & (_AUTOCOMMIT | _NO_BACKSLASH_ESCAPES):
        execute(connection, "start transaction")


def _enter(connection: Connection, level: str) -> None:
    known = connection.connection.info
    isolation = _LEVEL.format(level)
    if _UNUSUAL not in known:
        if succeeds(connection, f"set {isolation}, {_CHECK}", but=_NOT_USUAL):
            return
        known[_UNUSUAL] = True
    execute(connection, f"set {isolation}, {_SET}")


def _check_again(connection: Connection) -> None:
    known = connection.connection.info
    if _UNUSUAL in known:
        execute(connection, f"set {_SET_OURS}")
    elif not succeeds(connection, f"set {_CHECK}", but=_NOT_USUAL):
        known[_UNUSUAL] = True
        execute(connection, f"set {_SET}")


def _flags(connection: Connection) -> int:
    driver_connection: Any = connection.connection.driver_connection
    return int(driver_connection.server_status)


def _check_character_set(connection: Connection) -> None:
    """Refuse a driver that writes and reads text in a character set that lacks most of Unicode.

    Raises:
        StoreError: It does.
    """
    dbapi_connection: Any = connection.connection.dbapi_connection
    name = dbapi_connection.character_set_name()
    if name not in _UNICODE:
        raise StoreError(
            f"the connection's character set is {name}, which cannot hold every text. Nothing was changed. "
            "Put charset=utf8mb4 into the URL."
        )

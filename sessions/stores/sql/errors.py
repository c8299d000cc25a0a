"""What a database's error means, whatever its driver calls it; and its translation into ours.

The texts of SQLAlchemy's and of some drivers' errors show the statement's parameters, which hold messages. So neither
the text is repeated nor the error kept as the cause: ours names the driver's error and its code.
"""

from __future__ import annotations

from enum import Enum, auto
from sqlite3 import Error as SQLiteError
from typing import Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from sessions.errors import StoreBusyError, StoreError, StoreFullError, StoreReadOnlyError
from sessions.stores.sqlite.errors import translate as translate_sqlite


class Trouble(Enum):
    """What to do about an error."""

    LOST = auto()
    """The connection ended, or the server is not (yet, or any longer) the one that takes writes."""
    ROLLED_BACK = auto()
    """The database gave the transaction up for the sake of another; it can be tried again."""
    BUSY = auto()
    FULL = auto()
    READ_ONLY = auto()
    NOT_LET_IN = auto()
    TOO_LARGE = auto()
    OTHER = auto()


# https://www.postgresql.org/docs/current/errcodes-appendix.html
_SQLSTATES: Final = {
    "40001": Trouble.ROLLED_BACK,  # serialization_failure
    "40P01": Trouble.ROLLED_BACK,  # deadlock_detected
    "25006": Trouble.LOST,  # read_only_sql_transaction: this server is a standby, or has become one
    "57P01": Trouble.LOST,  # admin_shutdown
    "57P02": Trouble.LOST,  # crash_shutdown
    "57P03": Trouble.LOST,  # cannot_connect_now
    "55P03": Trouble.BUSY,  # lock_not_available
    "57014": Trouble.BUSY,  # query_canceled, by statement_timeout
    "53100": Trouble.FULL,  # disk_full
    "53300": Trouble.LOST,  # too_many_connections
    "42501": Trouble.READ_ONLY,  # insufficient_privilege
    "28000": Trouble.NOT_LET_IN,  # invalid_authorization_specification
    "28P01": Trouble.NOT_LET_IN,  # invalid_password
    "3D000": Trouble.NOT_LET_IN,  # invalid_catalog_name
}
# https://mariadb.com/kb/en/mariadb-error-code-reference/
_NUMBERS: Final = {
    1205: Trouble.ROLLED_BACK,  # lock wait timeout
    1213: Trouble.ROLLED_BACK,  # deadlock
    1020: Trouble.ROLLED_BACK,  # record has changed since last read
    1040: Trouble.LOST,  # too many connections
    1053: Trouble.LOST,  # server shutdown in progress
    1290: Trouble.LOST,  # read only server
    1836: Trouble.LOST,  # read only mode
    2003: Trouble.LOST,  # cannot connect
    2006: Trouble.LOST,  # server has gone away
    2013: Trouble.LOST,  # lost connection during query
    1021: Trouble.FULL,  # disk full
    1114: Trouble.FULL,  # table is full
    1142: Trouble.READ_ONLY,  # command denied
    1044: Trouble.NOT_LET_IN,  # access denied to the database
    1045: Trouble.NOT_LET_IN,  # access denied
    1049: Trouble.NOT_LET_IN,  # unknown database
    1153: Trouble.TOO_LARGE,  # got a packet bigger than max_allowed_packet
    1698: Trouble.NOT_LET_IN,  # access denied, without a password
}

_TRANSLATIONS: Final[dict[Trouble, tuple[type[StoreError], str]]] = {
    Trouble.LOST: (StoreError, "cannot be reached, or takes no writes now. Check the server and the network"),
    Trouble.ROLLED_BACK: (StoreBusyError, "gave this transaction up for the sake of others, again and again"),
    Trouble.BUSY: (StoreBusyError, "kept this waiting for others for too long. Try again"),
    Trouble.FULL: (StoreFullError, "has no room left. Make room"),
    Trouble.READ_ONLY: (StoreReadOnlyError, "may not be written by this user. Check the user's rights"),
    Trouble.NOT_LET_IN: (StoreError, "did not let us in. Check user, password and the database's name"),
    Trouble.TOO_LARGE: (StoreError, "takes no statement of that size. Raise max_allowed_packet on the server"),
    Trouble.OTHER: (StoreError, "refused the operation"),
}

_DATABASE_ERRORS: Final = (DBAPIError, OSError, PoolTimeoutError)


def is_database_error(error: BaseException) -> bool:
    """Tell whether an error is one of the database, of the way to it or of the pool.

    What asyncpg raises on its own connection is not wrapped; it is not imported here for those without it. Nor is what
    SQLAlchemy's dialect makes of it while the pool connects.
    """
    module = type(error).__module__
    return isinstance(error, _DATABASE_ERRORS) or module.startswith(("asyncpg.", "sqlalchemy.dialects."))


def trouble_of(error: BaseException) -> Trouble:
    """Tell what an error means."""
    if isinstance(error, PoolTimeoutError):
        return Trouble.BUSY
    original = _original(error)
    known = _SQLSTATES.get(_sqlstate(original)) or _NUMBERS.get(_number(original))
    if known is not None:
        return known
    lost = (
        isinstance(original, OSError)
        or (isinstance(error, DBAPIError) and error.connection_invalidated)
        # None of several hosts takes writes now.
        or type(original.__cause__ or original).__name__ == "TargetServerAttributeNotMatched"
    )
    # Class 08 is "connection exception".
    return Trouble.LOST if lost or _sqlstate(original).startswith("08") else Trouble.OTHER


def translate(error: BaseException, where: str, tried: str) -> StoreError:
    """Return an error of the database as ours.

    Args:
        error: What was raised.
        where: The database, without user and password.
        tried: What was done about it, as in "tried 5 times in 3 s; the last error was …".
    """
    original = _original(error)
    if isinstance(original, SQLiteError):
        return translate_sqlite(original, where)
    kind, text = _TRANSLATIONS[trouble_of(error)]
    return kind(f"{where} {text}; nothing was changed ({tried})")


def name_of(error: BaseException) -> str:
    """Return what may be shown of an error: the name of the driver's, and its code."""
    original = _original(error)
    code = _sqlstate(original) or _number(original) or ""
    return f"{type(original.__cause__ or original).__name__} {code}".rstrip()


def _original(error: BaseException) -> BaseException:
    """Return what the driver raised."""
    return (error.orig or error) if isinstance(error, DBAPIError) else error


def _sqlstate(error: BaseException) -> str:
    return str(getattr(error, "sqlstate", None) or "")


def _number(error: BaseException) -> int:
    arguments = error.args
    return arguments[0] if arguments and isinstance(arguments[0], int) and not isinstance(error, OSError) else 0

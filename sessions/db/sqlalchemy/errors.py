"""The meaning of a database's error with any driver, and its translation into ours.

The texts of SQLAlchemy's and of some drivers' errors show the statement's parameters, which hold users' content. So
neither the text is repeated nor the error kept as the cause: ours names the driver's error and its code.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from sqlite3 import Error as SQLiteError
from sqlite3 import ProgrammingError
from ssl import SSLEOFError, SSLError, SSLSyscallError, SSLZeroReturnError
from typing import Final

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from sessions.db.sqlite.errors import lacks_tables
from sessions.db.sqlite.errors import translate as translate_sqlite
from sessions.errors import StoreBusyError, StoreError, StoreFullError, StoreReadOnlyError, StoreUnreachableError


class Trouble(Enum):
    """The reaction to an error."""

    LOST = auto()
    """The connection ended, or the server is not (yet, or any longer) the one that takes writes."""
    ROLLED_BACK = auto()
    """The database gave the transaction up for the sake of another; it can be tried again."""
    LOCKED = auto()
    """A row stayed locked for longer than a transaction waits; it can be tried again."""
    BUSY = auto()
    FULL = auto()
    READ_ONLY = auto()
    NOT_LET_IN = auto()
    TLS = auto()
    """Both sides do not agree on encryption, or the server's certificate is not trusted."""
    NO_TABLES = auto()
    """A table or a column is missing: they were dropped, or an older database was restored."""
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
    "55P03": Trouble.LOCKED,  # lock_not_available
    "57014": Trouble.BUSY,  # query_canceled, by statement_timeout
    "53100": Trouble.FULL,  # disk_full
    "2200H": Trouble.FULL,  # sequence_generator_limit_exceeded
    "53300": Trouble.LOST,  # too_many_connections
    "42501": Trouble.READ_ONLY,  # insufficient_privilege
    "28000": Trouble.NOT_LET_IN,  # invalid_authorization_specification
    "28P01": Trouble.NOT_LET_IN,  # invalid_password
    "3D000": Trouble.NOT_LET_IN,  # invalid_catalog_name
    "42P01": Trouble.NO_TABLES,  # undefined_table
    "42703": Trouble.NO_TABLES,  # undefined_column
    "3F000": Trouble.NO_TABLES,  # invalid_schema_name
}
# https://mariadb.com/kb/en/mariadb-error-code-reference/
_NUMBERS: Final = {
    1205: Trouble.LOCKED,  # lock wait timeout
    1213: Trouble.ROLLED_BACK,  # deadlock
    1020: Trouble.ROLLED_BACK,  # record has changed since last read
    1040: Trouble.LOST,  # too many connections
    1053: Trouble.LOST,  # server shutdown in progress
    1290: Trouble.LOST,  # read only server
    1836: Trouble.LOST,  # read only mode
    1046: Trouble.LOST,  # no database selected: the connection's was dropped
    2003: Trouble.LOST,  # cannot connect
    2006: Trouble.LOST,  # server has gone away
    2013: Trouble.LOST,  # lost connection during query
    1792: Trouble.READ_ONLY,  # read only transaction
    1969: Trouble.BUSY,  # max_statement_time exceeded
    1021: Trouble.FULL,  # disk full
    1114: Trouble.FULL,  # table is full
    1467: Trouble.FULL,  # no number left for an auto_increment column
    1142: Trouble.READ_ONLY,  # command denied
    1143: Trouble.READ_ONLY,  # command denied for a column
    1044: Trouble.NOT_LET_IN,  # access denied to the database
    1045: Trouble.NOT_LET_IN,  # access denied
    1049: Trouble.NOT_LET_IN,  # unknown database
    1153: Trouble.TOO_LARGE,  # got a packet bigger than max_allowed_packet
    1698: Trouble.NOT_LET_IN,  # access denied, without a password
    2026: Trouble.TLS,  # SSL connection error
    3159: Trouble.TLS,  # connections using insecure transport are prohibited
    1146: Trouble.NO_TABLES,  # no such table
    1054: Trouble.NO_TABLES,  # unknown column
}

# Texts of libpq for errors without SQLSTATE: in English, except for quotes of a server with another language.
_LIBPQ: Final = (
    (Trouble.LOST, re.compile(
        "starting up|shutting down|recovery|too many|connection slots|not yet accepting|not accepting|terminating "
        "connection|cannot connect to server|wait_timeout|SYSCALL|closed unexpectedly|session is read-only|not in hot "
        "standby"
    )),
    (Trouble.TLS, re.compile("SSL|certificate|GSSAPI encryption")),
    (Trouble.NOT_LET_IN, re.compile("FATAL|password|authentication|channel binding|SASL|SCRAM")),
)  # fmt: skip


class TablesGoneError(StoreError):
    """A table or a column is missing. `Database` checks the schema again, so callers never see this."""


_TRANSLATIONS: Final[dict[Trouble, tuple[type[StoreError], str, str]]] = {
    Trouble.LOST: (StoreUnreachableError, "is unreachable or refuses writes now", "Check the server and the network"),
    Trouble.ROLLED_BACK: (StoreBusyError, "aborted this transaction in favour of others, again and again", "Try again"),
    **dict.fromkeys(
        (Trouble.LOCKED, Trouble.BUSY),
        (StoreBusyError, "made this operation wait for others for too long", "Try again"),
    ),
    Trouble.FULL: (StoreFullError, "is full", "Make room"),
    Trouble.READ_ONLY: (
        StoreReadOnlyError,
        "does not allow this user to do that",
        "Check the user's rights on the tables",
    ),
    Trouble.NOT_LET_IN: (StoreError, "refused the login", "Check user, password and the database's name"),
    Trouble.TLS: (
        StoreError,
        "could not be reached over TLS as requested",
        "Check ssl=, the certificates and the server",
    ),
    Trouble.NO_TABLES: (TablesGoneError, "lacks some of our tables or columns", "Run `python -m sessions migrate URL`"),
    Trouble.TOO_LARGE: (StoreError, "accepts no statement of that size", "Raise max_allowed_packet on the server"),
    Trouble.OTHER: (StoreError, "refused the operation", "See the server's log for the reason"),
}

_DATABASE_ERRORS: Final = (DBAPIError, OSError, PoolTimeoutError, SQLiteError)


def is_database_error(error: BaseException) -> bool:
    """Tell whether an error is one of the database, of the way to it or of the pool.

    Some are not wrapped by SQLAlchemy: asyncpg's on its own connection (it is not imported here for those without it),
    those of a SQLite file that is closed between two statements, and those of SQLAlchemy's dialect while it connects.
    """
    module = type(error).__module__
    known = isinstance(error, _DATABASE_ERRORS) or module.startswith(("asyncpg.", "sqlalchemy.dialects."))
    return known or _is_of_closed_file(error)


def trouble_of(error: BaseException) -> Trouble:
    """Return the reaction to an error."""
    if isinstance(error, PoolTimeoutError):
        return Trouble.BUSY
    original = _original(error)
    is_closed = _is_of_closed_file(original)  # As for a fork: see `db/sqlalchemy/forks.py`.
    if isinstance(original, SQLiteError) and not is_closed:
        return Trouble.NO_TABLES if lacks_tables(original) else Trouble.OTHER
    known = _by_cause(original) or _SQLSTATES.get(_sqlstate(original)) or _NUMBERS.get(_number(original))
    if known is not None:
        return known
    lost = (
        is_closed
        or isinstance(original, OSError)
        or (isinstance(error, DBAPIError) and error.connection_invalidated)
        # None of several hosts takes writes now.
        or type(original.__cause__ or original).__name__ == "TargetServerAttributeNotMatched"
    )
    # Class 08 is "connection exception".
    if lost or _sqlstate(original).startswith("08"):
        return Trouble.LOST
    if type(original).__module__.startswith("psycopg") and isinstance(error, OperationalError):
        text = str(original)
        return next((trouble for trouble, says in _LIBPQ if says.search(text)), Trouble.LOST)
    return Trouble.OTHER


def _by_cause(original: BaseException) -> Trouble | None:
    """Return the reaction to an error by its cause, ignoring the driver's code."""
    for error in (original, original.__cause__):
        if isinstance(error, SSLError) and not isinstance(error, SSLEOFError | SSLSyscallError | SSLZeroReturnError):
            return Trouble.TLS
        if type(error) is ConnectionError and "rejected SSL upgrade" in str(error):  # asyncpg has no other sign
            return Trouble.TLS
        # A statement was prepared, or a table opened, before another process altered the table.
        source = getattr(error, "server_source_function", None)  # asyncpg
        source = source or getattr(getattr(error, "diag", None), "source_function", None)  # psycopg
        if source in ("RevalidateCachedQuery", "relation_open"):
            return Trouble.ROLLED_BACK
        if type(error).__name__ in ("InvalidCachedStatementError", "OutdatedSchemaCacheError"):
            return Trouble.ROLLED_BACK
        if type(error).__name__ == "ClientConfigurationError":  # asyncpg, as for a certificate's file
            return Trouble.NOT_LET_IN
    return None


def _is_of_closed_file(error: BaseException) -> bool:
    """Tell whether SQLite, or aiosqlite in its place, says that the connection is closed."""
    if isinstance(error, ProgrammingError):
        return "closed" in str(error)
    return type(error) is ValueError and str(error) in ("Connection closed", "no active connection")


def translate(error: BaseException, where: str, tried: str) -> StoreError:
    """Return an error of the database as ours.

    Args:
        error: The raised error.
        where: The database, without user and password.
        tried: The attempts so far, as in "tried 5 times in 3 s; the last error was …".
    """
    original = _original(error)
    trouble = trouble_of(error)
    if isinstance(original, SQLiteError) and trouble is not Trouble.NO_TABLES:
        return translate_sqlite(original, where)
    kind, problem, remedy = _TRANSLATIONS[trouble]
    return kind(f"{where} {problem}. Nothing was changed ({tried}). {remedy}.")


def name_of(error: BaseException) -> str:
    """Return the parts of an error that may be shown: the name of the driver's error, and its code."""
    original = _original(error)
    if isinstance(original, TimeoutError):
        return "TimeoutError"
    code = _sqlstate(original) or _number(original) or ""
    return f"{type(original.__cause__ or original).__name__} {code}".rstrip()


def _original(error: BaseException) -> BaseException:
    """Return the driver's own error."""
    return (error.orig or error) if isinstance(error, DBAPIError) else error


def _sqlstate(error: BaseException) -> str:
    return str(getattr(error, "sqlstate", None) or "")


def _number(error: BaseException) -> int:
    arguments = error.args
    return arguments[0] if arguments and isinstance(arguments[0], int) and not isinstance(error, OSError) else 0

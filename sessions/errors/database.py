"""Errors about the database."""

from __future__ import annotations

from sessions.errors.base import SessionsError


class StoreError(SessionsError):
    """The database refused an operation. Nothing was changed, except possibly with `OutcomeUnknownError`."""


class OutcomeUnknownError(StoreError):
    """The connection broke while a change was being committed: it was saved completely, or not at all."""


class StoreUnreachableError(StoreError, ConnectionError):
    """The server could not be reached, or accepted no writes, until `retry_timeout` had passed. Nothing was changed.

    Example: ``except StoreUnreachableError: return Response(status_code=503)``
    """


class StoreBusyError(StoreError, TimeoutError):
    """Another process kept the database locked for longer than the busy timeout. Nothing was changed."""


class StoreFullError(StoreError):
    """The disk, or the database's size limit, is full. Nothing was changed."""


class StoreReadOnlyError(StoreError):
    """The database can be read but not written. Nothing was changed."""


class NotADatabaseError(StoreError):
    """The file is not a database, or is damaged. Nothing was changed."""


class DamagedSessionError(StoreError):
    """The stored rows of the session contradict each other: something other than this package altered them.

    Nothing was changed. Other sessions of the same database keep working.
    """


class SchemaVersionError(StoreError):
    """Our tables are missing, or of another version of this package. Nothing was changed."""

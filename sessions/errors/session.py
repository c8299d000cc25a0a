"""Errors about a session, its entries and its keys."""

from __future__ import annotations

from sessions.errors.base import SessionsError


class ConflictError(SessionsError):
    """The session does not have the expected version: another caller changed it. Nothing was written.

    Or the branch of an attempt was changed: the attempt stays as a sibling. Or the attempt has ended.

    Attributes:
        version: The session's version.
    """

    def __init__(self, message: str, version: int = 0) -> None:
        super().__init__(message)
        self.version = version


class OwnerError(SessionsError):
    """The session belongs to another owner than the one it was opened for, or to none. Nothing was read or written."""


class UnknownSessionError(SessionsError, ValueError):
    """The store has no session of that id. Nothing was changed."""


class SessionExistsError(SessionsError, ValueError):
    """A session of that id exists already, so that no other one can be made. Nothing was changed."""


class SessionClosedError(SessionsError, RuntimeError):
    """The session or its store has been closed."""


class SyncCallInLoopError(SessionsError, RuntimeError):
    """A call of `sessions.blocking` would wait for an event loop that it blocks itself. Nothing was changed."""


class UnknownEntryError(SessionsError, ValueError):
    """The session has no such entry: it was removed or has expired, or is another session's. Nothing was changed."""


class IdempotencyKeyReusedError(SessionsError, ValueError):
    """The idempotency key was used before, with other items. Nothing was written."""


class ItemKeyConflictError(SessionsError, ValueError):
    """An item's key belongs to another item of the session. Nothing was written.

    Attributes:
        key: The key.
    """

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(message)
        self.key = key


class InvalidExportError(SessionsError, ValueError):
    """A line of an export cannot be read, or contradicts other lines. Its session was not imported.

    Attributes:
        line: The number of the line, from 1.
    """

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line

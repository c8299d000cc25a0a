"""Every error this package raises on purpose, drawn once.

::

    SessionsError
    ├── InvalidItemError (ValueError, TypeError) an item is not a JSON object
    ├── UndecodableItemError (ValueError)        a stored item cannot be read back
    ├── IdempotencyKeyReusedError (ValueError)   a key came again with other items
    ├── ConflictError                            the session has another version than was expected
    ├── LeaseLostError                           the lease is another caller's now, or nobody's
    ├── SessionBusyError                         another caller holds a lease on the branch
    ├── UnknownBranchError (ValueError)          the session has no branch of that name
    ├── BranchExistsError (ValueError)           the name is taken
    ├── BranchInUseError (ValueError)            the branch cannot go: it is the current one, or main
    ├── TurnNotFoundError (ValueError)           the branch has no such turn or position
    ├── NothingToRedoError (ValueError)          nothing was undone, or something was added since
    ├── MissingKeyError                          the session is encrypted, and was opened without a key
    ├── DecryptionError                          a wrong key, or not what was stored there
    │   └── RotationIncompleteError              store.rotate() left sessions that the keys here do not open
    ├── ScanLimitError (RuntimeError)            max_scan_items is too small for a complete answer
    ├── UnknownFormatError (ValueError)          items of an unknown shape, which cannot be taken apart
    ├── CounterError (ValueError)                the counter of tokens failed, or returned no number
    ├── SummaryError (ValueError)                the summariser returned no summary, or there is none to take back
    ├── SessionClosedError (RuntimeError)        a call after close()
    └── StoreError                               the database refused
        ├── OutcomeUnknownError                  the answer was lost; it may have happened or not
        ├── StoreBusyError (TimeoutError)        another process held it for too long
        ├── StoreFullError                       no room left
        ├── StoreReadOnlyError                   it may be read, not written
        ├── NotADatabaseError                    the file holds something else, or is damaged
        ├── DamagedSessionError                  rows of the session cannot be true: somebody altered them
        └── SchemaVersionError                   written by a newer version of this package

An argument of the wrong type or range raises Python's own ``TypeError`` or ``ValueError``. Messages name the
session, what happened and what to do; never the content of an item. SQLite's own error is kept as
``__cause__``; those of other databases are not, because their texts show statements' parameters.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Self


class SessionsError(Exception):
    """The root of this package's errors."""

    def about(self, subject: str) -> Self:
        """Return the same error, saying first whom it concerns, as in "session 'user_123'", once."""
        if str(self).startswith(f"{subject}: "):
            return self
        error = copy(self)
        error.args = (f"{subject}: {self}", *self.args[1:])
        error.__cause__ = self.__cause__
        return error


class InvalidItemError(SessionsError, ValueError, TypeError):
    """An item cannot be stored losslessly as a JSON object. Nothing was written.

    It is a `TypeError`, too, because the OpenAI Agents SDK's sessions raise one.
    """


class UndecodableItemError(SessionsError, ValueError):
    """A stored item cannot be read back. Nothing was changed."""


class IdempotencyKeyReusedError(SessionsError, ValueError):
    """The idempotency key was used before, with other items. Nothing was written."""


class ConflictError(SessionsError):
    """The session does not have the version that was expected: somebody changed it. Nothing was written.

    Attributes:
        version: The version that it has.
    """

    def __init__(self, message: str, version: int = 0) -> None:
        super().__init__(message)
        self.version = version


class LeaseLostError(SessionsError):
    """The lease ended, and others changed or leased the branch; or the branch is gone. Nothing was written."""


class SessionBusyError(SessionsError):
    """Another caller holds a lease on the branch. Nothing was written.

    Attributes:
        holder: Who, as they said; ``None`` if they did not say.
        until: When their lease ends, unless it is renewed (UTC); ``None`` if the branch is free, but others wait.
    """

    def __init__(self, message: str, holder: str | None = None, until: datetime | None = None) -> None:
        super().__init__(message)
        self.holder = holder
        self.until = until


class UnknownBranchError(SessionsError, ValueError):
    """The session has no branch of that name. Nothing was changed."""


class BranchExistsError(SessionsError, ValueError):
    """The session has a branch of that name. Nothing was changed."""


class BranchInUseError(SessionsError, ValueError):
    """The branch cannot be removed or renamed: it is the current one, ``main``, or held. Nothing was changed."""


class TurnNotFoundError(SessionsError, ValueError):
    """The branch has no such turn or position. Nothing was changed."""


class NothingToRedoError(SessionsError, ValueError):
    """Nothing was undone on the branch, or something was added or popped since. Nothing was changed."""


class MissingKeyError(SessionsError):
    """The session is encrypted, and was opened without a key. Nothing was changed."""


class DecryptionError(SessionsError):
    """An encrypted session cannot be read: it has another key, or holds something that was not stored there so.

    Nothing was changed.
    """


class RotationIncompleteError(DecryptionError):
    """Sessions were left that the keys here do not open; all others were rotated. Keep the old keys.

    Attributes:
        rotation: What was done, as a `Rotation`; its `failed` names the sessions that were left as they are.
    """

    def __init__(self, message: str, rotation: Any = None) -> None:
        super().__init__(message)
        self.rotation = rotation


class ScanLimitError(SessionsError, RuntimeError):
    """`max_scan_items` items were read, and there may be more that belong to the answer. Nothing was returned."""


class UnknownFormatError(SessionsError, ValueError):
    """Items of an unknown shape would have to be told apart, which would be guessing. Nothing was changed."""


class CounterError(SessionsError, ValueError):
    """The caller's counter of tokens failed, or returned something else than an integer from 0. Nothing was changed."""


class SummaryError(SessionsError, ValueError):
    """The caller's summariser returned what cannot be shown to a model, or there is no summary. Nothing was changed."""


class SessionClosedError(SessionsError, RuntimeError):
    """The session or its store has been closed."""


class StoreError(SessionsError):
    """The database refused an operation. Nothing was changed, but for `OutcomeUnknownError`."""


class OutcomeUnknownError(StoreError):
    """The connection was lost while a change was being committed: it has happened wholly, or not at all."""


class StoreBusyError(StoreError, TimeoutError):
    """The database stayed locked by somebody else for longer than the busy timeout. Nothing was changed."""


class StoreFullError(StoreError):
    """The disk, or the database's size limit, is full. Nothing was changed."""


class StoreReadOnlyError(StoreError):
    """The database can be read but not written. Nothing was changed."""


class NotADatabaseError(StoreError):
    """The file is not a database, or is damaged. Nothing was changed."""


class DamagedSessionError(StoreError):
    """What is stored of the session cannot be true: another program or a hand altered it. Nothing was changed.

    Other sessions of the same database go on.
    """


class SchemaVersionError(StoreError):
    """The database was written by a newer version of this package. Nothing was changed."""


class WeakKeyWarning(UserWarning):
    """A passphrase is used where a random key should be."""

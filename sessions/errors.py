"""Every error that this package raises on purpose, as one tree.

::

    SessionsError
    ├── InvalidItemError (ValueError, TypeError) an item is not a JSON object
    ├── UndecodableItemError (ValueError)        a stored item cannot be read
    ├── UndecodableStateError (ValueError)       a stored state of a graph cannot be read
    ├── MissingThreadIdError (ValueError)        the config of a graph's call names no thread
    ├── IdempotencyKeyReusedError (ValueError)   the key was used before with other items
    ├── ItemKeyConflictError (ValueError)        the key belongs to another item
    ├── ConflictError                            the session or branch changed, or the attempt ended
    │   └── ThreadConflictError                  another run has put a checkpoint into the thread
    ├── ThreadGoneError                          the thread was deleted while a run was using it
    ├── ThreadExistsError (ValueError)           the id of the new thread is taken
    ├── OwnerError                               the session belongs to another owner, or has none
    │   └── ThreadOwnerError (ConflictError)     the same of a thread
    ├── UnknownSessionError (ValueError)         the store has no session of that id
    ├── SessionExistsError (ValueError)          the id of the new session is taken
    ├── LeaseLostError                           the lease ended or passed to another caller
    ├── SessionBusyError                         another caller holds a lease on the branch
    ├── UnknownBranchError (ValueError)          the session has no branch of that name
    ├── BranchExistsError (ValueError)           the branch name is taken
    ├── BranchInUseError (ValueError)            the branch is current, leased or main, so it must stay
    ├── TurnNotFoundError (ValueError)           the branch has no such turn or position
    ├── UnknownEntryError (ValueError)           the session has no such entry
    ├── InAttemptError (ValueError)              an attempt's session cannot do that, as nesting attempts
    ├── CorrectionError (ValueError)             a correction was refused
    │   ├── ReplacementError                     the replacement is of another kind, or has other ids of calls
    │   ├── SummarizedError                      a summary may repeat the entry
    │   └── PairingError                         what belongs to the entry would be left alone, as a call's output
    ├── NothingToRedoError (ValueError)          nothing was undone, or the branch changed since
    ├── MissingKeyError                          the session is encrypted but was opened without a key
    ├── DecryptionError                          the key is wrong, or the stored data was altered
    │   └── RotationIncompleteError              the given keys do not open some sessions
    ├── PlainTextRefusedError (ValueError)       an encrypted session's content would be written as plain text
    ├── InvalidFilterError (ValueError)          a filter of memories is not one
    ├── FilterTooBroadError                      a filter would look at more memories than its budget allows
    ├── InvalidExportError (ValueError)          a line of an export cannot be read, or contradicts others
    ├── ScanLimitError (RuntimeError)            max_scan_items is too small for a complete answer
    ├── UnknownFormatError (ValueError)          items have an unknown shape and cannot be split safely
    ├── CounterError (ValueError)                the token counter failed or returned no valid number
    ├── SummaryError (ValueError)                the summary is unusable, or the branch has none to revert
    ├── EmbeddingError                           the embedding model failed, or returned no valid vectors
    ├── ReadOnlyConversationError                a graph's thread, read as a conversation, cannot be changed there
    ├── SessionClosedError (RuntimeError)        the session or its store has been closed
    ├── SyncCallInLoopError (RuntimeError)       a blocking call would wait for the event loop that it blocks
    └── StoreError                               the database refused the operation
        ├── OutcomeUnknownError                  the connection broke during a commit, which may have succeeded
        ├── StoreUnreachableError (ConnectionError)  the server cannot be reached, or accepts no writes now
        ├── StoreBusyError (TimeoutError)        another process locked the database for too long
        ├── StoreFullError                       the disk or the database is full
        ├── StoreReadOnlyError                   the database can be read but not written
        ├── NotADatabaseError                    the file is not a database, or is damaged
        ├── DamagedSessionError                  stored rows contradict each other
        └── SchemaVersionError                   our tables are missing, or of another version of this package

An argument of the wrong type or range raises Python's own ``TypeError`` or ``ValueError``. Messages name the session,
the problem and the remedy; they never contain an item's content. SQLite's own error is kept as ``__cause__``. Errors of
other databases are not, because their texts show the statement's parameters.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Self


class SessionsError(Exception):
    """The base class of this package's errors."""

    def about(self, subject: str) -> Self:
        """Return the same error with its subject at the front of the message, as in "session 'user_123': …", once.

        Example: ``error.about("session 'user_123'")``
        """
        if str(self).startswith(f"{subject}: "):
            return self
        error = copy(self)
        error.args = (f"{subject}: {self}", *self.args[1:])
        error.__cause__ = self.__cause__
        return error


def sentence(error: Exception) -> str:
    """Return an error's message with a full stop, to be followed by another sentence."""
    text = str(error)
    return text if text.endswith(".") else f"{text}."


class InvalidItemError(SessionsError, ValueError, TypeError):
    """An item cannot be stored losslessly as a JSON object. Nothing was written.

    It is also a `TypeError`, because the OpenAI Agents SDK's sessions raise one here.
    """


class UndecodableItemError(SessionsError, ValueError):
    """A stored item cannot be read back. Nothing was changed."""


class UndecodableStateError(SessionsError, ValueError):
    """A graph's stored state names a class that may not be revived, or cannot be decoded. Nothing was changed.

    Attributes:
        type_name: The class, as in ``"app.Preferences"``; empty if none is concerned.
    """

    def __init__(self, message: str, type_name: str = "") -> None:
        super().__init__(message)
        self.type_name = type_name


class MissingThreadIdError(SessionsError, ValueError):
    """The config of a call names no thread. Nothing was read or written."""


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


class ConflictError(SessionsError):
    """The session does not have the expected version: another caller changed it. Nothing was written.

    Or the branch of an attempt was changed: the attempt stays as a sibling. Or the attempt has ended.

    Attributes:
        version: The session's version.
    """

    def __init__(self, message: str, version: int = 0) -> None:
        super().__init__(message)
        self.version = version


class ThreadConflictError(ConflictError):
    """A run's checkpoint does not follow the thread's last one: another run has put one since. Nothing was stored."""


class ThreadGoneError(SessionsError):
    """The thread was deleted, erased or has expired while a run was using it. Nothing was stored: it stays gone."""


class ThreadExistsError(SessionsError, ValueError):
    """A thread of that id exists already, so that no other one can be copied to it. Nothing was changed."""


class OwnerError(SessionsError):
    """The session belongs to another owner than the one it was opened for, or to none. Nothing was read or written."""


class ThreadOwnerError(OwnerError, ConflictError):
    """The thread belongs to another owner than the one it was used for, or to none. Nothing was read or written."""


class UnknownSessionError(SessionsError, ValueError):
    """The store has no session of that id. Nothing was changed."""


class SessionExistsError(SessionsError, ValueError):
    """A session of that id exists already, so that no other one can be made. Nothing was changed."""


class LeaseLostError(SessionsError):
    """The lease ended, and another caller changed or leased the branch; or the branch is gone. Nothing was written."""


class SessionBusyError(SessionsError):
    """Another caller holds a lease on the branch. Nothing was written.

    Attributes:
        holder: The name that the holder gave; ``None`` if it gave none.
        until: When that lease ends unless it is renewed (UTC); ``None`` if the branch is free but others wait for it.
    """

    def __init__(self, message: str, holder: str | None = None, until: datetime | None = None) -> None:
        super().__init__(message)
        self.holder = holder
        self.until = until


class UnknownBranchError(SessionsError, ValueError):
    """The session has no branch of that name. Nothing was changed."""


class BranchExistsError(SessionsError, ValueError):
    """The session already has a branch of that name. Nothing was changed."""


class BranchInUseError(SessionsError, ValueError):
    """The branch cannot be removed or renamed, because it is current, leased or ``main``. Nothing was changed."""


class TurnNotFoundError(SessionsError, ValueError):
    """The branch has no such turn or position. Nothing was changed."""


class UnknownEntryError(SessionsError, ValueError):
    """The session has no such entry: it was removed or has expired, or is another session's. Nothing was changed."""


class InAttemptError(SessionsError, ValueError):
    """The session of an attempt cannot do that: begin another attempt in it, undo, choose. Nothing was changed."""


class CorrectionError(SessionsError, ValueError):
    """A correction was refused. Nothing was changed."""


class ReplacementError(CorrectionError):
    """An entry's replacement is of another kind, or calls or answers something else. Nothing was changed.

    Or the entry cannot be emptied, and needs a replacement of the caller's.

    Attributes:
        changes: The things that would change: ``"kind"``, ``"call ids"``, ``"tool"`` or ``"program"``.
    """

    def __init__(self, message: str, changes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.changes = changes


class SummarizedError(CorrectionError):
    """A summary stands for the entry, and may repeat it. Nothing was changed.

    Attributes:
        summaries: The ids of the summaries' entries.
    """

    def __init__(self, message: str, summaries: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.summaries = summaries


class PairingError(CorrectionError):
    """Without the entry, providers would refuse related ones. Nothing was changed.

    Attributes:
        broken: The related entries, as `Damage` has them; its `kind` may also be ``"torn_reasoning"``, an answer
            without its reasoning, and ``"unknown_shape"``, an item that may be the entry's call or output.
    """

    def __init__(self, message: str, broken: tuple[Any, ...] = ()) -> None:
        super().__init__(message)
        self.broken = broken


class NothingToRedoError(SessionsError, ValueError):
    """Nothing was undone on the branch, or items were added or popped since. Nothing was changed."""


class MissingKeyError(SessionsError):
    """The session is encrypted but was opened without a key. Nothing was changed."""


class DecryptionError(SessionsError):
    """An encrypted session cannot be read: the key is wrong, or the stored data was altered. Nothing was changed."""


class RotationIncompleteError(DecryptionError):
    """The given keys do not open some sessions; all other sessions were rotated. Keep the old keys.

    Attributes:
        rotation: The result so far, as a `Rotation`; its `failed` names the sessions that were left unchanged.
    """

    def __init__(self, message: str, rotation: Any = None) -> None:
        super().__init__(message)
        self.rotation = rotation


class PlainTextRefusedError(SessionsError, ValueError):
    """An encrypted session was not exported, as its content would be plain text there."""


class InvalidFilterError(SessionsError, ValueError):
    """A filter has an unknown operator, a value that cannot be stored, or too many conditions. Nothing was read."""


class FilterTooBroadError(SessionsError):
    """A filter would look at more memories than its budget allows. Nothing was returned.

    Attributes:
        fields: The fields of the filter of which an index would help: declare one of them.
    """

    def __init__(self, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.fields = fields


class InvalidExportError(SessionsError, ValueError):
    """A line of an export cannot be read, or contradicts other lines. Its session was not imported.

    Attributes:
        line: The number of the line, from 1.
    """

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


class ScanLimitError(SessionsError, RuntimeError):
    """`max_scan_items` items were read, and the answer may need more. Nothing was returned."""


class UnknownFormatError(SessionsError, ValueError):
    """Items have an unknown shape, so splitting them would be guessing. Nothing was changed."""


class CounterError(SessionsError, ValueError):
    """The caller's token counter failed, or did not return an integer of 0 or more. Nothing was changed."""


class SummaryError(SessionsError, ValueError):
    """The summariser returned something that no model accepts, or the branch has no summary. Nothing was changed."""


class EmbeddingError(SessionsError):
    """The embedding model failed, took too long, or returned something other than valid vectors. Nothing was changed.

    The model's own error, if it raised one, is kept as ``__cause__``.
    """


class ReadOnlyConversationError(SessionsError):
    """The conversation is a view of a graph's thread, and is changed through the graph's state only."""


class SessionClosedError(SessionsError, RuntimeError):
    """The session or its store has been closed."""


class SyncCallInLoopError(SessionsError, RuntimeError):
    """A call of `sessions.blocking` would wait for an event loop that it blocks itself. Nothing was changed."""


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


class WeakKeyWarning(UserWarning):
    """A passphrase is used in place of a random key."""


class UnadoptedThreadsWarning(UserWarning):
    """A database has threads of another saver of LangGraph, and none of ours: nobody has adopted them."""

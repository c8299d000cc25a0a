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

from sessions.errors.base import (
    SessionsError,
    sentence,
)
from sessions.errors.branches import (
    BranchExistsError,
    BranchInUseError,
    InAttemptError,
    LeaseLostError,
    NothingToRedoError,
    SessionBusyError,
    TurnNotFoundError,
    UnknownBranchError,
)
from sessions.errors.corrections import (
    CorrectionError,
    PairingError,
    ReplacementError,
    SummarizedError,
)
from sessions.errors.database import (
    DamagedSessionError,
    NotADatabaseError,
    OutcomeUnknownError,
    SchemaVersionError,
    StoreBusyError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreUnreachableError,
)
from sessions.errors.encryption import (
    DecryptionError,
    MissingKeyError,
    PlainTextRefusedError,
    RotationIncompleteError,
    WeakKeyWarning,
)
from sessions.errors.items import (
    CounterError,
    InvalidItemError,
    ScanLimitError,
    SummaryError,
    UndecodableItemError,
    UnknownFormatError,
)
from sessions.errors.memories import (
    EmbeddingError,
    FilterTooBroadError,
    InvalidFilterError,
)
from sessions.errors.session import (
    ConflictError,
    IdempotencyKeyReusedError,
    InvalidExportError,
    ItemKeyConflictError,
    OwnerError,
    SessionClosedError,
    SessionExistsError,
    SyncCallInLoopError,
    UnknownEntryError,
    UnknownSessionError,
)
from sessions.errors.threads import (
    MissingThreadIdError,
    ReadOnlyConversationError,
    ThreadConflictError,
    ThreadExistsError,
    ThreadGoneError,
    ThreadOwnerError,
    UnadoptedThreadsWarning,
    UndecodableStateError,
)

__all__ = [
    "BranchExistsError",
    "BranchInUseError",
    "ConflictError",
    "CorrectionError",
    "CounterError",
    "DamagedSessionError",
    "DecryptionError",
    "EmbeddingError",
    "FilterTooBroadError",
    "IdempotencyKeyReusedError",
    "InAttemptError",
    "InvalidExportError",
    "InvalidFilterError",
    "InvalidItemError",
    "ItemKeyConflictError",
    "LeaseLostError",
    "MissingKeyError",
    "MissingThreadIdError",
    "NotADatabaseError",
    "NothingToRedoError",
    "OutcomeUnknownError",
    "OwnerError",
    "PairingError",
    "PlainTextRefusedError",
    "ReadOnlyConversationError",
    "ReplacementError",
    "RotationIncompleteError",
    "ScanLimitError",
    "SchemaVersionError",
    "SessionBusyError",
    "SessionClosedError",
    "SessionExistsError",
    "SessionsError",
    "StoreBusyError",
    "StoreError",
    "StoreFullError",
    "StoreReadOnlyError",
    "StoreUnreachableError",
    "SummarizedError",
    "SummaryError",
    "SyncCallInLoopError",
    "ThreadConflictError",
    "ThreadExistsError",
    "ThreadGoneError",
    "ThreadOwnerError",
    "TurnNotFoundError",
    "UnadoptedThreadsWarning",
    "UndecodableItemError",
    "UndecodableStateError",
    "UnknownBranchError",
    "UnknownEntryError",
    "UnknownFormatError",
    "UnknownSessionError",
    "WeakKeyWarning",
    "sentence",
]

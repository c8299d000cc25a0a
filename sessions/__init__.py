"""The conversation store for AI agents: one append-only log, the same guarantees on every database.

This module is the index of the public interface.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sessions.errors import (
    BranchExistsError,
    BranchInUseError,
    ConflictError,
    CounterError,
    DamagedSessionError,
    DecryptionError,
    IdempotencyKeyReusedError,
    InvalidItemError,
    LeaseLostError,
    NotADatabaseError,
    NothingToRedoError,
    OutcomeUnknownError,
    RotationIncompleteError,
    ScanLimitError,
    SchemaVersionError,
    SealedSessionError,
    SessionBusyError,
    SessionClosedError,
    SessionsError,
    StoreBusyError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    SummaryError,
    TurnNotFoundError,
    UndecodableItemError,
    UnknownBranchError,
    UnknownFormatError,
    WeakKeyWarning,
)
from sessions.opening import open_store
from sessions.protocol import Item, Session, SessionSettings
from sessions.session import LogSession
from sessions.sqlite import AsyncSQLiteSession, SQLiteSession
from sessions.store import Store

if TYPE_CHECKING:
    from sessions.advanced_sqlalchemy import AdvancedSQLAlchemySession
    from sessions.advanced_sqlite import AdvancedSQLiteSession
    from sessions.branches import Branches
    from sessions.codecs.keys import KeyProvider, KeyRing, generate_key
    from sessions.codecs.plus import PlusCodec
    from sessions.compaction import Compaction
    from sessions.encrypted import EncryptedSession
    from sessions.mending import Damage, RepairReport
    from sessions.model import (
        Adoption,
        Branch,
        Change,
        Comparison,
        Entry,
        ErasureReceipt,
        NotAdopted,
        Rotation,
        SessionInfo,
        Sibling,
        Summary,
        ToolUse,
        Turn,
        Usage,
        UsageRow,
    )
    from sessions.prices import Price
    from sessions.sqlalchemy import SQLAlchemySession
    from sessions.sweeper import Sweeper
    from sessions.window import Window

__all__ = [
    "Adoption",
    "AdvancedSQLAlchemySession",
    "AdvancedSQLiteSession",
    "AsyncSQLiteSession",
    "Branch",
    "BranchExistsError",
    "BranchInUseError",
    "Branches",
    "Change",
    "Compaction",
    "Comparison",
    "ConflictError",
    "CounterError",
    "Damage",
    "DamagedSessionError",
    "DecryptionError",
    "EncryptedSession",
    "Entry",
    "ErasureReceipt",
    "IdempotencyKeyReusedError",
    "InvalidItemError",
    "Item",
    "KeyProvider",
    "KeyRing",
    "LeaseLostError",
    "LogSession",
    "NotADatabaseError",
    "NotAdopted",
    "NothingToRedoError",
    "OutcomeUnknownError",
    "PlusCodec",
    "Price",
    "RepairReport",
    "Rotation",
    "RotationIncompleteError",
    "SQLAlchemySession",
    "SQLiteSession",
    "ScanLimitError",
    "SchemaVersionError",
    "SealedSessionError",
    "Session",
    "SessionBusyError",
    "SessionClosedError",
    "SessionInfo",
    "SessionSettings",
    "SessionsError",
    "Sibling",
    "Store",
    "StoreBusyError",
    "StoreError",
    "StoreFullError",
    "StoreReadOnlyError",
    "Summary",
    "SummaryError",
    "Sweeper",
    "ToolUse",
    "Turn",
    "TurnNotFoundError",
    "UndecodableItemError",
    "UnknownBranchError",
    "UnknownFormatError",
    "Usage",
    "UsageRow",
    "WeakKeyWarning",
    "Window",
    "generate_key",
    "open_store",
]


# What not everybody needs is imported by those who do: SQLAlchemy takes longer than all of this package.
_MODEL = (
    "Branch", "Change", "Comparison", "Entry", "ErasureReceipt", "Rotation", "SessionInfo", "Sibling", "Summary",
    "Adoption", "NotAdopted",
    "ToolUse", "Turn", "Usage", "UsageRow",
)  # fmt: skip
_LAZY = {
    "Window": "sessions.window",
    "AdvancedSQLAlchemySession": "sessions.advanced_sqlalchemy",
    "AdvancedSQLiteSession": "sessions.advanced_sqlite",
    "Branches": "sessions.branches",
    "Compaction": "sessions.compaction",
    "Damage": "sessions.mending",
    "EncryptedSession": "sessions.encrypted",
    "PlusCodec": "sessions.codecs.plus",
    "Price": "sessions.prices",
    "RepairReport": "sessions.mending",
    "SQLAlchemySession": "sessions.sqlalchemy",
    "Sweeper": "sessions.sweeper",
    **dict.fromkeys(("KeyProvider", "KeyRing", "generate_key"), "sessions.codecs.keys"),
    **dict.fromkeys(_MODEL, "sessions.model"),
}

# Type checkers know the names from the imports above. Shown this function, they would believe every other name, too.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _LAZY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_LAZY[name]), name)

    def __dir__() -> list[str]:
        """Return all names, for completion, and for Python's "Did you mean"."""
        return sorted({*globals(), *__all__})

"""The conversation store for AI agents: one append-only log, the same guarantees on every database.

This module is the index of the public interface.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sessions.errors import (
    BranchExistsError,
    BranchInUseError,
    ConflictError,
    CorrectionError,
    CounterError,
    DamagedSessionError,
    DecryptionError,
    EmbeddingError,
    FilterTooBroadError,
    IdempotencyKeyReusedError,
    InAttemptError,
    InvalidExportError,
    InvalidFilterError,
    InvalidItemError,
    ItemKeyConflictError,
    LeaseLostError,
    MissingKeyError,
    MissingThreadIdError,
    NotADatabaseError,
    NothingToRedoError,
    OutcomeUnknownError,
    OwnerError,
    PairingError,
    PlainTextRefusedError,
    ReadOnlyConversationError,
    ReplacementError,
    RotationIncompleteError,
    ScanLimitError,
    SchemaVersionError,
    SessionBusyError,
    SessionClosedError,
    SessionExistsError,
    SessionsError,
    StoreBusyError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreUnreachableError,
    SummarizedError,
    SummaryError,
    SyncCallInLoopError,
    ThreadConflictError,
    ThreadExistsError,
    ThreadGoneError,
    ThreadOwnerError,
    TurnNotFoundError,
    UnadoptedThreadsWarning,
    UndecodableItemError,
    UndecodableStateError,
    UnknownBranchError,
    UnknownEntryError,
    UnknownFormatError,
    UnknownSessionError,
    WeakKeyWarning,
)
from sessions.protocol import Session, SessionSettings, Settings
from sessions.session.base import LogSession
from sessions.sqlite import AsyncSQLiteSession, SQLiteSession
from sessions.store.opening import open_store
from sessions.store.store import Store

if TYPE_CHECKING:
    from sessions.codecs.plus.codec import PlusCodec
    from sessions.compat.advanced_sqlalchemy import AdvancedSQLAlchemySession
    from sessions.compat.advanced_sqlite import AdvancedSQLiteSession
    from sessions.crypto.keys import KeyProvider, KeyRing, generate_key
    from sessions.crypto.subject import Subject
    from sessions.embedding.embedder import Embedder
    from sessions.encrypted import EncryptedSession
    from sessions.items.calls import text_of
    from sessions.items.repair import Damage, RepairReport
    from sessions.items.window import Window
    from sessions.labels import Owner
    from sessions.memories.memories import Memories
    from sessions.session.branches import Branches
    from sessions.session.leases import Lease
    from sessions.session.tree_data import Tree, TreeNode, TreeTip
    from sessions.session.usage.prices import Price
    from sessions.session.verifying import Verification
    from sessions.settings import Compaction, SettingsDict
    from sessions.sqlalchemy import SQLAlchemySession
    from sessions.store.sweeper import Sweeper
    from sessions.types import Branch, Change, ChangeKind, Comparison, Entry, Item, ItemDict, Sibling, Summary, Turn
    from sessions.types.exports import Exported, Imported
    from sessions.types.info import Info, SessionInfo, StoreStats
    from sessions.types.memories import Embedded, Found, Memory, MemoryErasure, MemoryStatus, Namespace, Put
    from sessions.types.receipts import Adoption, Copied, CorrectionReceipt, ErasureReceipt, NotAdopted, Rotation
    from sessions.types.retention import Audit, OwnerErasure, RetentionCandidate, RetentionPolicy, RetentionReport
    from sessions.types.search import Indexed, SearchHit, SearchPage
    from sessions.types.usage import ToolUse, Usage, UsageRow
    from sessions.types.verify import Finding, FindingCode, Verified

__all__ = [
    "Adoption",
    "AdvancedSQLAlchemySession",
    "AdvancedSQLiteSession",
    "AsyncSQLiteSession",
    "Audit",
    "Branch",
    "BranchExistsError",
    "BranchInUseError",
    "Branches",
    "Change",
    "ChangeKind",
    "Compaction",
    "Comparison",
    "ConflictError",
    "Copied",
    "CorrectionError",
    "CorrectionReceipt",
    "CounterError",
    "Damage",
    "DamagedSessionError",
    "DecryptionError",
    "Embedded",
    "Embedder",
    "EmbeddingError",
    "EncryptedSession",
    "Entry",
    "ErasureReceipt",
    "Exported",
    "FilterTooBroadError",
    "Finding",
    "FindingCode",
    "Found",
    "IdempotencyKeyReusedError",
    "Imported",
    "InAttemptError",
    "Indexed",
    "Info",
    "InvalidExportError",
    "InvalidFilterError",
    "InvalidItemError",
    "Item",
    "ItemDict",
    "ItemKeyConflictError",
    "KeyProvider",
    "KeyRing",
    "Lease",
    "LeaseLostError",
    "LogSession",
    "Memories",
    "Memory",
    "MemoryErasure",
    "MemoryStatus",
    "MissingKeyError",
    "MissingThreadIdError",
    "Namespace",
    "NotADatabaseError",
    "NotAdopted",
    "NothingToRedoError",
    "OutcomeUnknownError",
    "Owner",
    "OwnerErasure",
    "OwnerError",
    "PairingError",
    "PlainTextRefusedError",
    "PlusCodec",
    "Price",
    "Put",
    "ReadOnlyConversationError",
    "RepairReport",
    "ReplacementError",
    "RetentionCandidate",
    "RetentionPolicy",
    "RetentionReport",
    "Rotation",
    "RotationIncompleteError",
    "SQLAlchemySession",
    "SQLiteSession",
    "ScanLimitError",
    "SchemaVersionError",
    "SearchHit",
    "SearchPage",
    "Session",
    "SessionBusyError",
    "SessionClosedError",
    "SessionExistsError",
    "SessionInfo",
    "SessionSettings",
    "SessionsError",
    "Settings",
    "SettingsDict",
    "Sibling",
    "Store",
    "StoreBusyError",
    "StoreError",
    "StoreFullError",
    "StoreReadOnlyError",
    "StoreStats",
    "StoreUnreachableError",
    "Subject",
    "SummarizedError",
    "Summary",
    "SummaryError",
    "Sweeper",
    "SyncCallInLoopError",
    "ThreadConflictError",
    "ThreadExistsError",
    "ThreadGoneError",
    "ThreadOwnerError",
    "ToolUse",
    "Tree",
    "TreeNode",
    "TreeTip",
    "Turn",
    "TurnNotFoundError",
    "UnadoptedThreadsWarning",
    "UndecodableItemError",
    "UndecodableStateError",
    "UnknownBranchError",
    "UnknownEntryError",
    "UnknownFormatError",
    "UnknownSessionError",
    "Usage",
    "UsageRow",
    "Verification",
    "Verified",
    "WeakKeyWarning",
    "Window",
    "generate_key",
    "open_store",
    "text_of",
]


# Rarely used names are imported at first use: SQLAlchemy takes longer to import than this whole package.
_MODEL = ("Branch", "Change", "ChangeKind", "Comparison", "Entry", "Item", "ItemDict", "Sibling", "Summary", "Turn")
_MEMORY = ("Embedded", "Found", "Memory", "MemoryErasure", "MemoryStatus", "Namespace", "Put")
_RECEIPTS = ("Adoption", "Copied", "CorrectionReceipt", "ErasureReceipt", "NotAdopted", "Rotation")
_RETENTION = ("Audit", "OwnerErasure", "RetentionCandidate", "RetentionPolicy", "RetentionReport")
_LAZY = {
    "Window": "sessions.items.window",
    "text_of": "sessions.items.calls",
    "AdvancedSQLAlchemySession": "sessions.compat.advanced_sqlalchemy",
    "AdvancedSQLiteSession": "sessions.compat.advanced_sqlite",
    "Branches": "sessions.session.branches",
    **dict.fromkeys(("Compaction", "SettingsDict"), "sessions.settings"),
    "Damage": "sessions.items.repair",
    "Embedder": "sessions.embedding.embedder",
    "EncryptedSession": "sessions.encrypted",
    **dict.fromkeys(("Exported", "Imported"), "sessions.types.exports"),
    **dict.fromkeys(("Info", "SessionInfo", "StoreStats"), "sessions.types.info"),
    "Lease": "sessions.session.leases",
    "Memories": "sessions.memories.memories",
    **dict.fromkeys(_MEMORY, "sessions.types.memories"),
    "Owner": "sessions.labels",
    "PlusCodec": "sessions.codecs.plus.codec",
    "Price": "sessions.session.usage.prices",
    "RepairReport": "sessions.items.repair",
    "SQLAlchemySession": "sessions.sqlalchemy",
    "Sweeper": "sessions.store.sweeper",
    **dict.fromkeys(("Indexed", "SearchHit", "SearchPage"), "sessions.types.search"),
    **dict.fromkeys(("KeyProvider", "KeyRing", "generate_key"), "sessions.crypto.keys"),
    "Subject": "sessions.crypto.subject",
    **dict.fromkeys(("Tree", "TreeNode", "TreeTip"), "sessions.session.tree_data"),
    **dict.fromkeys(_MODEL, "sessions.types"),
    **dict.fromkeys(_RECEIPTS, "sessions.types.receipts"),
    **dict.fromkeys(_RETENTION, "sessions.types.retention"),
    **dict.fromkeys(("ToolUse", "Usage", "UsageRow"), "sessions.types.usage"),
    "Verification": "sessions.session.verifying",
    **dict.fromkeys(("Finding", "FindingCode", "Verified"), "sessions.types.verify"),
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

"""The contracts, as tests to run on your own store.

This module is the index: ``from sessions.testing import SessionContract``. A contract's module is imported when it is
asked for, so one contract does not need the extras of another.
"""

import sys
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sessions.testing.checkpoints.contract import CheckpointContract
    from sessions.testing.checkpoints.shared import OpenThreads
    from sessions.testing.compaction.contract import CompactionContract
    from sessions.testing.copying import CopyContract
    from sessions.testing.corrections.contract import CorrectionContract
    from sessions.testing.encrypted.contract import EncryptedContract
    from sessions.testing.entries import EntryContract
    from sessions.testing.expiry.contract import ExpiryContract
    from sessions.testing.expiry_model import OpenStore
    from sessions.testing.exports import ExportContract
    from sessions.testing.fixtures import MakeLogSession
    from sessions.testing.forking import ForkContract
    from sessions.testing.history.contract import HistoryContract
    from sessions.testing.info.contract import InfoContract
    from sessions.testing.interruptions.contract import InterruptionContract
    from sessions.testing.item_keys.contract import ItemKeyContract
    from sessions.testing.leases.contract import LeaseContract
    from sessions.testing.list_model import MakeSession
    from sessions.testing.memory.contract import MemoryContract
    from sessions.testing.retention.contract import RetentionContract
    from sessions.testing.searching import SearchContract
    from sessions.testing.session import SessionContract
    from sessions.testing.sharing import SharingContract
    from sessions.testing.stats import StatsContract
    from sessions.testing.tree_model import CountEntries
    from sessions.testing.usage import UsageContract
    from sessions.testing.verifying import VerifyContract
    from sessions.testing.watching import WatchContract
    from sessions.testing.windows import WindowContract

__all__ = [
    "CheckpointContract",
    "CompactionContract",
    "CopyContract",
    "CorrectionContract",
    "CountEntries",
    "EncryptedContract",
    "EntryContract",
    "ExpiryContract",
    "ExportContract",
    "ForkContract",
    "HistoryContract",
    "InfoContract",
    "InterruptionContract",
    "ItemKeyContract",
    "LeaseContract",
    "MakeLogSession",
    "MakeSession",
    "MemoryContract",
    "OpenStore",
    "OpenThreads",
    "RetentionContract",
    "SearchContract",
    "SessionContract",
    "SharingContract",
    "StatsContract",
    "UsageContract",
    "VerifyContract",
    "WatchContract",
    "WindowContract",
]

_MODULES = {
    "CheckpointContract": "checkpoints.contract",
    "CompactionContract": "compaction.contract",
    "CopyContract": "copying",
    "CorrectionContract": "corrections.contract",
    "EncryptedContract": "encrypted.contract",
    "EntryContract": "entries",
    "ExpiryContract": "expiry.contract",
    "ExportContract": "exports",
    "ForkContract": "forking",
    "HistoryContract": "history.contract",
    "InfoContract": "info.contract",
    "InterruptionContract": "interruptions.contract",
    "ItemKeyContract": "item_keys.contract",
    "LeaseContract": "leases.contract",
    "MemoryContract": "memory.contract",
    "RetentionContract": "retention.contract",
    "SearchContract": "searching",
    "SessionContract": "session",
    "SharingContract": "sharing",
    "StatsContract": "stats",
    "UsageContract": "usage",
    "VerifyContract": "verifying",
    "WatchContract": "watching",
    "WindowContract": "windows",
    # The types of the fixtures.
    "CountEntries": "tree_model",
    "MakeLogSession": "fixtures",
    "MakeSession": "list_model",
    "OpenStore": "expiry_model",
    "OpenThreads": "checkpoints.shared",
}

if "pytest" in sys.modules:
    # Before any of them is imported: so a contract that fails shows the values that differ.
    sys.modules["pytest"].register_assert_rewrite(*(f"{__name__}.{part.name}" for part in iter_modules(__path__)))

# As in `sessions`: shown this function, type checkers would believe every name.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)

    def __dir__() -> list[str]:
        """Return all names, for completion, and for Python's "Did you mean"."""
        return sorted({*globals(), *__all__})

"""The conversation store for AI agents: one append-only log, the same guarantees on every database.

This module is the index of the public interface.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sessions.errors import (
    IdempotencyKeyReusedError,
    InvalidItemError,
    NotADatabaseError,
    OutcomeUnknownError,
    SchemaVersionError,
    SessionClosedError,
    SessionsError,
    StoreBusyError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    UndecodableItemError,
)
from sessions.protocol import Item, Session, SessionSettings
from sessions.session import LogSession
from sessions.sqlite import AsyncSQLiteSession, SQLiteSession
from sessions.store import Store, open_store

if TYPE_CHECKING:
    from sessions.advanced_sqlalchemy import AdvancedSQLAlchemySession
    from sessions.advanced_sqlite import AdvancedSQLiteSession
    from sessions.model import SessionInfo, ToolUse, Usage, UsageRow
    from sessions.prices import Price
    from sessions.sqlalchemy import SQLAlchemySession

__all__ = [
    "AdvancedSQLAlchemySession",
    "AdvancedSQLiteSession",
    "AsyncSQLiteSession",
    "IdempotencyKeyReusedError",
    "InvalidItemError",
    "Item",
    "LogSession",
    "NotADatabaseError",
    "OutcomeUnknownError",
    "Price",
    "SQLAlchemySession",
    "SQLiteSession",
    "SchemaVersionError",
    "Session",
    "SessionClosedError",
    "SessionInfo",
    "SessionSettings",
    "SessionsError",
    "Store",
    "StoreBusyError",
    "StoreError",
    "StoreFullError",
    "StoreReadOnlyError",
    "ToolUse",
    "UndecodableItemError",
    "Usage",
    "UsageRow",
    "open_store",
]


# What not everybody needs is imported by those who do: SQLAlchemy takes longer than all of this package.
_LAZY = {
    "AdvancedSQLAlchemySession": "sessions.advanced_sqlalchemy",
    "AdvancedSQLiteSession": "sessions.advanced_sqlite",
    "Price": "sessions.prices",
    "SQLAlchemySession": "sessions.sqlalchemy",
    "SessionInfo": "sessions.model",
    "ToolUse": "sessions.model",
    "Usage": "sessions.model",
    "UsageRow": "sessions.model",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)

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
    from sessions.model import SessionInfo
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
    "UndecodableItemError",
    "open_store",
]


# What not everybody needs is imported by those who do: SQLAlchemy takes longer than all of this package.
_LAZY = {
    "AdvancedSQLAlchemySession": "sessions.advanced_sqlalchemy",
    "AdvancedSQLiteSession": "sessions.advanced_sqlite",
    "SQLAlchemySession": "sessions.sqlalchemy",
    "SessionInfo": "sessions.model",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)

"""The conversation store for AI agents: one append-only log, the same guarantees on every database.

This module is the index of the public interface.
"""

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
from sessions.model import SessionInfo
from sessions.protocol import Item, Session, SessionSettings
from sessions.session import LogSession
from sessions.sqlite import AsyncSQLiteSession, SQLiteSession
from sessions.store import Store, open_store

if TYPE_CHECKING:
    from sessions.sqlalchemy import SQLAlchemySession

__all__ = [
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


def __getattr__(name: str) -> Any:
    # SQLAlchemy takes longer to import than all of this package, and users of SQLite do not need it.
    if name == "SQLAlchemySession":
        from sessions.sqlalchemy import SQLAlchemySession  # noqa: PLC0415

        return SQLAlchemySession
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

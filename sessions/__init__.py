"""The conversation store for AI agents: one append-only log, the same guarantees on every database.

This module is the index of the public interface.
"""

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

__all__ = [
    "AsyncSQLiteSession",
    "IdempotencyKeyReusedError",
    "InvalidItemError",
    "Item",
    "LogSession",
    "NotADatabaseError",
    "OutcomeUnknownError",
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

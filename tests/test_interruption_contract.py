"""The contract for interruptions, on every database and driver, plain, sealed and with the flat methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions import EncryptedSession, SQLAlchemySession, SQLiteSession, generate_key, open_store
from sessions.advanced_sqlite import AdvancedSQLiteSession
from sessions.testing_interruptions import InterruptionContract

if TYPE_CHECKING:
    from pathlib import Path

    from sessions.testing_fixtures import MakeLogSession


class TestSQLiteFile(InterruptionContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> MakeLogSession:
        return lambda session_id, **settings: SQLiteSession(session_id, tmp_path / "sessions.db", **settings)


class TestSQLiteMemory(InterruptionContract):
    @pytest.fixture
    def make(self) -> MakeLogSession:
        return open_store("sqlite://").session


class TestAdvanced(InterruptionContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> MakeLogSession:
        path = tmp_path / "sessions.db"
        return lambda session_id, **settings: AdvancedSQLiteSession(
            session_id=session_id, db_path=path, create_tables=True, **settings
        )


class TestSQLiteSealed(InterruptionContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> MakeLogSession:
        path, key = tmp_path / "sessions.db", generate_key()
        return lambda session_id, **settings: EncryptedSession(
            session_id, SQLiteSession(session_id, path, **settings), key, ttl=None
        )


class TestSQLAlchemy(InterruptionContract):
    @pytest.fixture
    def make(self, url: str) -> MakeLogSession:
        return lambda session_id, **settings: SQLAlchemySession.from_url(
            session_id, url=url, create_tables=True, **settings
        )


class TestSealed(InterruptionContract):
    @pytest.fixture
    def make(self, url: str) -> MakeLogSession:
        key = generate_key()
        return lambda session_id, **settings: EncryptedSession(
            session_id, SQLAlchemySession.from_url(session_id, url=url, create_tables=True, **settings), key, ttl=None
        )

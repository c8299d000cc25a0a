"""The contract for watching on every database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions import EncryptedSession, SQLAlchemySession, SQLiteSession, generate_key, open_store
from sessions.testing import WatchContract

if TYPE_CHECKING:
    from pathlib import Path

    from sessions.testing import MakeLogSession


class TestSQLiteFile(WatchContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> MakeLogSession:
        return lambda session_id, **settings: SQLiteSession(session_id, tmp_path / "sessions.db", **settings)


class TestSQLiteMemory(WatchContract):
    @pytest.fixture
    def make(self) -> MakeLogSession:
        return open_store("sqlite://").session


class TestEncrypted(WatchContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> MakeLogSession:
        path, key = tmp_path / "sessions.db", generate_key()
        return lambda session_id, **settings: EncryptedSession(
            session_id, SQLiteSession(session_id, path, **settings), key
        )


class TestSQLAlchemy(WatchContract):
    @pytest.fixture
    def make(self, url: str) -> MakeLogSession:
        return lambda session_id, **settings: SQLAlchemySession.from_url(
            session_id, url=url, create_tables=True, **settings
        )


class TestEncryptedOnServers(WatchContract):
    @pytest.fixture
    def make(self, url: str) -> MakeLogSession:
        key = generate_key()
        return lambda session_id, **settings: EncryptedSession(
            session_id, SQLAlchemySession.from_url(session_id, url=url, create_tables=True, **settings), key
        )

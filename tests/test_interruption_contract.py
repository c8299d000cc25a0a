"""The contract for interruptions, on every kind of database, and encrypted where appends have a way of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions import EncryptedSession, SQLAlchemySession, SQLiteSession, generate_key, open_store
from sessions.testing import InterruptionContract

if TYPE_CHECKING:
    from pathlib import Path

    from sessions.testing import MakeLogSession
    from tests.sql.databases import Lend
    from tests.sql.servers import Postgres


class TestSQLiteFile(InterruptionContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> MakeLogSession:
        return lambda session_id, **settings: SQLiteSession(session_id, tmp_path / "sessions.db", **settings)


class TestSQLiteMemory(InterruptionContract):
    @pytest.fixture
    def make(self) -> MakeLogSession:
        return open_store("sqlite://").session


class TestSQLiteEncrypted(InterruptionContract):
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


class TestEncrypted(InterruptionContract):
    @pytest.fixture
    def make(self, postgres: Postgres, lend: Lend) -> MakeLogSession:
        url, key = lend(postgres), generate_key()
        return lambda session_id, **settings: EncryptedSession(
            session_id, SQLAlchemySession.from_url(session_id, url=url, create_tables=True, **settings), key, ttl=None
        )

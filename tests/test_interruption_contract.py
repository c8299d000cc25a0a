"""The contract for interruptions, on every kind of database, and encrypted where appends have a way of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions import EncryptedSession, SQLAlchemySession, SQLiteSession, generate_key, open_store
from sessions.testing import InterruptionContract

from .sql.databases import sessions_at

if TYPE_CHECKING:
    from pathlib import Path

    from sessions.testing import MakeLogSession


class TestSQLiteFile(InterruptionContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> MakeLogSession:
        return lambda session_id, **settings: SQLiteSession(session_id, tmp_path / "sessions.db", **settings)


@pytest.mark.variant
class TestSQLiteMemory(InterruptionContract):
    @pytest.fixture
    def make(self) -> MakeLogSession:
        return open_store("sqlite://").session


class TestSQLAlchemy(InterruptionContract):
    @pytest.fixture
    def make(self, url: str) -> MakeLogSession:
        return lambda session_id, **settings: SQLAlchemySession.from_url(
            session_id, url=url, create_tables=True, **settings
        )


class TestEncrypted(InterruptionContract):
    @pytest.fixture
    def make(self, anywhere: str) -> MakeLogSession:
        key, plain = generate_key(), sessions_at(anywhere)
        return lambda session_id, **settings: EncryptedSession(session_id, plain(session_id, **settings), key, ttl=None)

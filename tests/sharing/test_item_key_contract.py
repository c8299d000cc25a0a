"""The contract for items with keys, on every database, encrypted and not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions import EncryptedSession, SQLAlchemySession, SQLiteSession, generate_key, open_store
from sessions.testing import ItemKeyContract

if TYPE_CHECKING:
    from pathlib import Path

    from sessions.testing import MakeLogSession


class TestSQLiteFile(ItemKeyContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> MakeLogSession:
        return lambda session_id, **settings: SQLiteSession(session_id, tmp_path / "sessions.db", **settings)


class TestSQLiteMemory(ItemKeyContract):
    @pytest.fixture
    def make(self) -> MakeLogSession:
        return open_store("sqlite://").session


class TestSQLAlchemy(ItemKeyContract):
    @pytest.fixture
    def make(self, url: str) -> MakeLogSession:
        return lambda session_id, **settings: SQLAlchemySession.from_url(
            session_id, url=url, create_tables=True, **settings
        )


class TestEncrypted(ItemKeyContract):
    @pytest.fixture
    def make(self, url: str) -> MakeLogSession:
        key = generate_key()
        return lambda session_id, ttl=None: EncryptedSession(
            session_id, SQLAlchemySession.from_url(session_id, url=url, create_tables=True), key, ttl
        )

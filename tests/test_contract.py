"""The contract suite on every store of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions import AsyncSQLiteSession, EncryptedSession, SQLiteSession, generate_key, open_store
from sessions.testing import MakeSession, SessionContract

if TYPE_CHECKING:
    from pathlib import Path


class TestSQLiteFile(SessionContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> MakeSession:
        return lambda session_id, **settings: SQLiteSession(session_id, tmp_path / "sessions.db", **settings)


@pytest.mark.variant
class TestSQLiteFileNormal(SessionContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> MakeSession:
        path = tmp_path / "sessions.db"
        return lambda session_id, **settings: AsyncSQLiteSession(session_id, path, durability="normal", **settings)


@pytest.mark.variant
class TestSQLiteMemory(SessionContract):
    @pytest.fixture
    def make(self) -> MakeSession:
        return open_store("sqlite://").session


class TestEncrypted(SessionContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> MakeSession:
        path, key = tmp_path / "sessions.db", generate_key()
        return lambda session_id, **settings: EncryptedSession(
            session_id, SQLiteSession(session_id, path, **settings), key
        )

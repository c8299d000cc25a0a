"""The contract for compaction and handovers on SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions import EncryptedSession, SQLiteSession, generate_key, open_store
from sessions.testing import CompactionContract

if TYPE_CHECKING:
    from pathlib import Path

    from sessions.testing import MakeLogSession


class TestSQLiteFile(CompactionContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> MakeLogSession:
        return lambda session_id, **settings: SQLiteSession(session_id, tmp_path / "sessions.db", **settings)


@pytest.mark.variant
class TestSQLiteMemory(CompactionContract):
    @pytest.fixture
    def make(self) -> MakeLogSession:
        return open_store("sqlite://").session


class TestEncrypted(CompactionContract):
    """Encryption is below the log."""

    @pytest.fixture
    def make(self, tmp_path: Path) -> MakeLogSession:
        key = generate_key()
        return lambda session_id, ttl=None, **settings: EncryptedSession(
            session_id, SQLiteSession(session_id, tmp_path / "sessions.db", **settings), key, ttl
        )

"""The contract for encrypted sessions on SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions import SQLiteSession, open_store
from sessions.testing import EncryptedContract

if TYPE_CHECKING:
    from pathlib import Path

    from sessions.testing import MakeLogSession


class TestSQLiteFile(EncryptedContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> MakeLogSession:
        return lambda session_id, **settings: SQLiteSession(session_id, tmp_path / "sessions.db", **settings)


@pytest.mark.variant
class TestSQLiteMemory(EncryptedContract):
    @pytest.fixture
    def make(self) -> MakeLogSession:
        return open_store("sqlite://").session

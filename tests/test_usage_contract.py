"""The contract of usage on every database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions import SQLAlchemySession, SQLiteSession
from sessions.testing import UsageContract

if TYPE_CHECKING:
    from pathlib import Path

    from sessions.testing import MakeLogSession


class TestSQLiteFile(UsageContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> MakeLogSession:
        return lambda session_id, **settings: SQLiteSession(session_id, tmp_path / "sessions.db", **settings)


class TestSQLAlchemy(UsageContract):
    @pytest.fixture
    def make(self, url: str) -> MakeLogSession:
        return lambda session_id, **settings: SQLAlchemySession.from_url(
            session_id, url=url, create_tables=True, **settings
        )

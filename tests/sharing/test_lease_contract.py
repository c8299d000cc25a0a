"""The contract for leases, on every database, encrypted and not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions import EncryptedSession, SQLAlchemySession, SQLiteSession, generate_key, open_store
from sessions.testing import LeaseContract
from tests.sql.databases import sessions_at

if TYPE_CHECKING:
    from pathlib import Path

    from sessions.testing import MakeLogSession


class TestSQLiteFile(LeaseContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> MakeLogSession:
        return lambda session_id, **options: SQLiteSession(session_id, tmp_path / "sessions.db", **options)


@pytest.mark.variant
class TestSQLiteMemory(LeaseContract):
    @pytest.fixture
    def make(self) -> MakeLogSession:
        return open_store("sqlite://").session


class TestSQLAlchemy(LeaseContract):
    @pytest.fixture
    def make(self, url: str) -> MakeLogSession:
        return lambda session_id, **options: SQLAlchemySession.from_url(
            session_id, url=url, create_tables=True, **options
        )


class TestEncrypted(LeaseContract):
    @pytest.fixture
    def make(self, anywhere: str) -> MakeLogSession:
        key, plain = generate_key(), sessions_at(anywhere)
        return lambda session_id, **options: EncryptedSession(session_id, plain(session_id, **options), key, ttl=None)

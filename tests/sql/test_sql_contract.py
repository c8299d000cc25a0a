"""The contract suite on every database that SQLAlchemy reaches."""

from __future__ import annotations

import pytest

from sessions import SQLAlchemySession
from sessions.testing import MakeSession, SessionContract


class TestSQLAlchemy(SessionContract):
    @pytest.fixture
    def make(self, url: str) -> MakeSession:
        return lambda session_id, **settings: SQLAlchemySession.from_url(
            session_id, url=url, create_tables=True, **settings
        )

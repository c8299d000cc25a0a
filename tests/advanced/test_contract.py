"""The contract suite: `get_items` is another method here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions import AdvancedSQLiteSession
from sessions.testing import MakeSession, SessionContract

if TYPE_CHECKING:
    from pathlib import Path


class TestAdvancedSQLite(SessionContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> MakeSession:
        path = tmp_path / "sessions.db"
        return lambda session_id, **settings: AdvancedSQLiteSession(session_id=session_id, db_path=path, **settings)

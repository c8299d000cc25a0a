"""The contract for a session's history on SQLite."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from sessions import EncryptedSession, SQLiteSession, generate_key, open_store
from sessions.testing import HistoryContract

if TYPE_CHECKING:
    from pathlib import Path

    from sessions.testing import CountEntries, MakeLogSession


class TestSQLiteFile(HistoryContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> MakeLogSession:
        return lambda session_id, **settings: SQLiteSession(session_id, tmp_path / "sessions.db", **settings)

    @pytest.fixture
    def count_entries(self, tmp_path: Path) -> CountEntries:
        async def count(session_id: str) -> int:
            with closing(sqlite3.connect(tmp_path / "sessions.db")) as connection:
                (found,) = connection.execute(
                    "select count(*) from agent_log_entries where id >> 28 in (select g.id from agent_log_segments g "
                    "join agent_log_sessions s on s.id = g.session where s.session_id = ?)",
                    (session_id,),
                )
                return int(found[0])

        return count


@pytest.mark.variant
class TestSQLiteMemory(HistoryContract):
    @pytest.fixture
    def make(self) -> MakeLogSession:
        return open_store("sqlite://").session


class TestEncrypted(TestSQLiteFile):
    @pytest.fixture
    def make(self, tmp_path: Path) -> MakeLogSession:
        path, key = tmp_path / "sessions.db", generate_key()
        return lambda session_id, **settings: EncryptedSession(
            session_id, SQLiteSession(session_id, path, **settings), key, hide_tool_names=True
        )

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from agents.extensions.memory.advanced_sqlite_session import AdvancedSQLiteSession as SDKSession

from sessions import AdvancedSQLiteSession

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[AdvancedSQLiteSession]:
    session = AdvancedSQLiteSession(session_id="u", db_path=tmp_path / "ours.db", create_tables=True)
    yield session
    session.close()


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[SDKSession]:
    session = SDKSession(session_id="u", db_path=tmp_path / "theirs.db", create_tables=True)
    yield session
    session.close()

"""A SQLite file of a test's own, and sessions on it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from sessions import SQLiteSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conversations.db"


@contextmanager
def making_sessions(path: Path, session_id: str) -> Iterator[Callable[..., SQLiteSession]]:
    """Give a function that makes sessions on the file, of that id unless it is given another; close them in the end."""
    made = []

    def make(session_id: str = session_id, **options: Any) -> SQLiteSession:
        made.append(SQLiteSession(session_id, path, **options))
        return made[-1]

    yield make
    for session in made:
        session.close()

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions import SQLiteSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conversations.db"


@pytest.fixture
def ours(path: Path) -> Iterator[Callable[..., SQLiteSession]]:
    """Makes sessions on the file."""
    made = []

    def make(session_id: str = "s", **options: Any) -> SQLiteSession:
        made.append(SQLiteSession(session_id, path, **options))
        return made[-1]

    yield make
    for session in made:
        session.close()


@pytest.fixture
def session(ours: Callable[..., SQLiteSession]) -> SQLiteSession:
    return ours()

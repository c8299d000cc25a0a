from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions import SQLiteSession, Store, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conversations.db"


@pytest.fixture
def ours(path: Path) -> Iterator[Callable[..., SQLiteSession]]:
    """Makes our sessions on the file."""
    made = []

    def make(session_id: str = "u", **options: Any) -> SQLiteSession:
        made.append(SQLiteSession(session_id, path, **options))
        return made[-1]

    yield make
    for session in made:
        session.close()


@pytest.fixture
async def store(path: Path) -> Any:
    async with open_store(f"sqlite:///{path}") as opened:
        assert isinstance(opened, Store)
        yield opened

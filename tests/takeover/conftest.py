from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions import Store, open_store
from tests.sqlite_files import making_sessions, path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sessions import SQLiteSession

__all__ = ["path"]


@pytest.fixture
def ours(path: Path) -> Iterator[Callable[..., SQLiteSession]]:
    """Makes our sessions on the file."""
    with making_sessions(path, "u") as make:
        yield make


@pytest.fixture
async def store(path: Path) -> Any:
    async with open_store(f"sqlite:///{path}") as opened:
        assert isinstance(opened, Store)
        yield opened

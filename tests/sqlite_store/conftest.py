from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sqlite_files import making_sessions, path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sessions import SQLiteSession

__all__ = ["path"]


@pytest.fixture
def ours(path: Path) -> Iterator[Callable[..., SQLiteSession]]:
    """Makes sessions on the file."""
    with making_sessions(path, "s") as make:
        yield make


@pytest.fixture
def session(ours: Callable[..., SQLiteSession]) -> SQLiteSession:
    return ours()

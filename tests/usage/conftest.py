from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from agents import set_tracing_disabled

from sessions import AsyncSQLiteSession

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture(autouse=True, scope="session")
def _offline() -> None:
    """The SDK sends traces to its vendor unless told not to."""
    set_tracing_disabled(disabled=True)


@pytest.fixture
async def session(tmp_path: Path) -> AsyncIterator[AsyncSQLiteSession]:
    opened = AsyncSQLiteSession("conversation", tmp_path / "conversations.db")
    yield opened
    await opened.close()

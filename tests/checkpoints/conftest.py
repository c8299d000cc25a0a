"""Threads of checkpoints on every database."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sessions import open_store
from sessions.store.threads import ThreadStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessions import Store
    from sessions.testing.checkpoints.shared import OpenThreads


@pytest.fixture
def open_threads(anywhere: str) -> Iterator[OpenThreads]:
    """Return a function that opens a store of threads on the test's database."""
    options: dict[str, Any] = {} if anywhere.startswith("sqlite:") else {"create_tables": True}
    opened: list[Store] = []

    def open_here(**settings: Any) -> ThreadStore:
        opened.append(open_store(anywhere, **options))
        return ThreadStore(opened[-1]._backend, **settings)

    yield open_here
    for store in opened:
        asyncio.run(store.close())

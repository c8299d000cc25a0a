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
    opened: list[Store | ThreadStore] = []

    def open_here(**settings: Any) -> ThreadStore:
        store = open_store(anywhere, **options)
        threads = ThreadStore(store._backend, **settings)
        opened.extend((store, threads))
        return threads

    yield open_here
    asyncio.run(_close(opened))


async def _close(opened: list[Store | ThreadStore]) -> None:
    for one in reversed(opened):
        await (one.aclose() if isinstance(one, ThreadStore) else one.close())

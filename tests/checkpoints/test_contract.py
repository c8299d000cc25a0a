"""The contract for threads of checkpoints on every database."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sessions import generate_key, open_store
from sessions.store.threads import ThreadStore, covers_of
from sessions.testing import CheckpointContract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessions.testing import OpenThreads


class TestOnEachDatabase(CheckpointContract):
    pass


@pytest.mark.variant
class TestSQLiteMemory(CheckpointContract):
    @pytest.fixture
    def open_threads(self) -> OpenThreads:
        backend = open_store("sqlite://")._backend
        return lambda **options: ThreadStore(backend, **options)


class TestEncrypted(CheckpointContract):
    @pytest.fixture
    def open_threads(self, anywhere: str) -> Iterator[OpenThreads]:
        options: dict[str, Any] = {} if anywhere.startswith("sqlite:") else {"create_tables": True}
        store = open_store(anywhere, encryption_key=generate_key(), **options)
        covers = covers_of(store._backend, store._encryption)
        opened: list[ThreadStore] = []

        def open_here(**settings: Any) -> ThreadStore:
            opened.append(ThreadStore(store._backend, covers=covers, **settings))
            return opened[-1]

        yield open_here
        for threads in opened:
            asyncio.run(threads.aclose())
        asyncio.run(store.close())

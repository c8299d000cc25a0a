"""The contract for threads of checkpoints on every database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions import open_store
from sessions.store.threads import ThreadStore
from sessions.testing.checkpoints.contract import CheckpointContract

if TYPE_CHECKING:
    from sessions.testing.checkpoints.shared import OpenThreads


class TestOnEachDatabase(CheckpointContract):
    pass


class TestSQLiteMemory(CheckpointContract):
    @pytest.fixture
    def open_threads(self) -> OpenThreads:
        backend = open_store("sqlite://")._backend
        return lambda **options: ThreadStore(backend, **options)

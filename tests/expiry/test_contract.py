"""The contract for expiry, purging and erasing on every database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions import open_store
from sessions.testing import ExpiryContract

if TYPE_CHECKING:
    from pathlib import Path

    from sessions.testing import OpenStore


class TestSQLiteFile(ExpiryContract):
    @pytest.fixture
    def open_here(self, tmp_path: Path) -> OpenStore:
        return lambda **options: open_store(f"sqlite:///{tmp_path}/sessions.db", durability="normal", **options)


@pytest.mark.variant
class TestSQLiteMemory(ExpiryContract):
    @pytest.fixture
    def open_here(self) -> OpenStore:
        return lambda **options: open_store("sqlite://", **options)


class TestSQLAlchemy(ExpiryContract):
    @pytest.fixture
    def open_here(self, url: str) -> OpenStore:
        return lambda **options: open_store(url, create_tables=True, **options)

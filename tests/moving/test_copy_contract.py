"""The contract for copying on every database, encrypted and not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions import generate_key, open_store
from sessions.testing import CopyContract

if TYPE_CHECKING:
    from pathlib import Path

    from sessions.testing import OpenStore


class TestSQLiteFile(CopyContract):
    @pytest.fixture
    def open_here(self, tmp_path: Path) -> OpenStore:
        return lambda **options: open_store(f"sqlite:///{tmp_path}/sessions.db", durability="normal", **options)


@pytest.mark.variant
class TestSQLiteMemory(CopyContract):
    @pytest.fixture
    def open_here(self) -> OpenStore:
        return lambda **options: open_store("sqlite://", **options)


class TestSQLAlchemy(CopyContract):
    @pytest.fixture
    def open_here(self, url: str) -> OpenStore:
        return lambda **options: open_store(url, create_tables=True, **options)


class TestEncrypted(CopyContract):
    @pytest.fixture
    def open_here(self, anywhere: str) -> OpenStore:
        key = generate_key()
        return lambda **options: open_store(anywhere, create_tables=True, encryption_key=key, **options)

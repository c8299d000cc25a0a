"""The contract for retention, erasing owners and the audit on every database, encrypted and not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions import generate_key, open_store
from sessions.testing import RetentionContract

if TYPE_CHECKING:
    from pathlib import Path

    from sessions.testing import OpenStore


class TestSQLiteFile(RetentionContract):
    @pytest.fixture
    def open_here(self, tmp_path: Path) -> OpenStore:
        return lambda **options: open_store(f"sqlite:///{tmp_path}/sessions.db", durability="normal", **options)


@pytest.mark.variant
class TestSQLiteMemory(RetentionContract):
    @pytest.fixture
    def open_here(self) -> OpenStore:
        return lambda **options: open_store("sqlite://", **options)


class TestSQLAlchemy(RetentionContract):
    @pytest.fixture
    def open_here(self, url: str) -> OpenStore:
        return lambda **options: open_store(url, create_tables=True, **options)


class TestEncrypted(RetentionContract):
    @pytest.fixture
    def open_here(self, anywhere: str) -> OpenStore:
        key = generate_key()
        return lambda **options: open_store(anywhere, create_tables=True, encryption_key=key, **options)

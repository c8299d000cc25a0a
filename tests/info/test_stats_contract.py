"""The contract for a store's numbers on every database, encrypted and not; and what bytes are exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions import generate_key, open_store
from sessions.testing import StatsContract

if TYPE_CHECKING:
    from pathlib import Path

    from sessions.testing import OpenStore
    from tests.sql.servers import Postgres


class TestSQLiteFile(StatsContract):
    @pytest.fixture
    def open_here(self, tmp_path: Path) -> OpenStore:
        return lambda **options: open_store(f"sqlite:///{tmp_path}/sessions.db", durability="normal", **options)


class TestSQLAlchemy(StatsContract):
    @pytest.fixture
    def open_here(self, url: str) -> OpenStore:
        return lambda **options: open_store(url, create_tables=True, **options)


class TestEncrypted(StatsContract):
    encrypted = True

    @pytest.fixture
    def open_here(self, anywhere: str) -> OpenStore:
        key = generate_key()
        return lambda **options: open_store(anywhere, create_tables=True, encryption_key=key, **options)


async def test_an_empty_store_has_nothing(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path}/chat.db") as store:
        found = await store.stats()
    assert (found.sessions, found.archived, found.encrypted, found.usage) == (0, 0, 0, 0)
    assert (found.created_at, found.updated_at) == (None, None)


async def test_bytes_of_a_file_are_its_size(tmp_path: Path) -> None:
    """Fails without: db/size.py, `page_count * page_size`."""
    path = tmp_path / "chat.db"
    async with open_store(f"sqlite:///{path}") as store:
        await store.session("one").add_items([{"text": "x" * 100_000}])
        found = await store.stats()
    assert found.bytes == path.stat().st_size


async def test_bytes_on_a_server_are_those_of_our_tables(postgres: Postgres) -> None:
    """Fails without: db/size.py, the variant of Postgres."""
    async with open_store(postgres.new_database(), create_tables=True) as store:
        await store.session("one").add_items([{"n": 0}])
        before = (await store.stats()).bytes
        await store.session("one").add_items([{"text": "".join(map(str, range(50_000)))}])
        after = (await store.stats()).bytes
    assert after > before > 0


async def test_numbers_need_no_key_and_stay_with_their_prefix(url: str) -> None:
    prefix = "other_"
    async with open_store(url, create_tables=True, table_prefix=prefix, encryption_key=generate_key()) as store:
        await store.session("one").add_items([{"n": 0}])
    async with open_store(url, table_prefix=prefix) as store:
        found = await store.stats()
    assert (found.sessions, found.encrypted) == (1, 1)
    assert found.bytes > 0

"""Expired memories leave the database by themselves, without being asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sessions import open_store
from sessions.db.transaction import Statement

if TYPE_CHECKING:
    from sessions import Store

_ROWS = Statement("All memories, also expired ones.", "select count(*) from {memories}")


async def rows_of(store: Store) -> int:
    """Return how many rows of memories there are, also of expired ones."""
    return int(await store.memories._hold.common.backend.read(lambda tx: tx.the(_ROWS)[0], "test"))


async def test_expired_memories_go_beside_later_changes(anywhere: str) -> None:
    """Fails without: memory/component.py, `upkeep`; memory/changes.py, `expires`."""
    async with open_store(anywhere, create_tables=True) as store:
        for number in range(5):
            await store.memories.put(("a",), f"k{number}", {}, ttl=0.001)
        while await rows_of(store) > 1:
            await asyncio.sleep(0.1)
            await store.memories.put(("a",), "stays", {})
        assert [one.key for one in await store.memories.list()] == ["stays"]


async def test_a_sweeper_deletes_them(anywhere: str) -> None:
    """Fails without: store/maintenance.py, `purge_all`."""
    async with open_store(anywhere, create_tables=True) as store:
        await store.memories.put(("a",), "k", {}, ttl=0.001)
        async with store.sweeper(every=0.05):
            while await rows_of(store):
                await asyncio.sleep(0.1)


async def test_a_store_without_memories_has_no_tables_of_them(tmp_path: object) -> None:
    """Fails without: store/components.py, `in applied`."""
    async with open_store(f"sqlite:///{tmp_path}/sessions.db") as store:
        await store.session("s", owner="ann").add_items([{"role": "user", "content": "x"}])
        async with store.sweeper(every=0.01):
            await asyncio.sleep(0.1)
        assert [finding async for finding in store.verify()] == []
        assert set((await store.erase_owner("ann")).rows) == {"log"}
        tables = Statement("All tables.", "select name from sqlite_master where name like 'agent_memory%'")
        assert await store._backend.read(lambda tx: tx.all(tables), "test") == []

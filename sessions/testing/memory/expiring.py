"""Memories: expiry, purging and erasing."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from sessions.errors import ConflictError

if TYPE_CHECKING:
    from sessions.testing.expiry_model import MovableClock, OpenStore


class Expiring:
    """Memories that end."""

    async def test_expired_is_gone_for_every_reader(self, open_here: OpenStore, time: MovableClock) -> None:
        """Fails without: memory/statements/memories.py, `LIVE`; memory/standing.py, `is_live`."""
        async with open_here(memory_ttl=10) as store:
            mine = store.memories.under((f"{uuid4()}",))
            put = await mine.put(("a",), "default", {})
            await mine.put(("a",), "long", {}, ttl=100)
            await mine.put(("a",), "ever", {}, ttl=None)
            assert put.expires_at is not None
            assert (put.expires_at - put.updated_at).total_seconds() == 10
            time.move(9.999)
            assert await mine.count() == 3
            time.move(0.001)
            assert await mine.get(("a",), "default") is None
            assert await mine.get_many([(("a",), "default")]) == [None]
            assert [one.key for one in await mine.list()] == ["ever", "long"]
            assert [one.memories for one in await mine.namespaces()] == [2]
            assert await mine.count() == 2
            assert not await mine.delete(("a",), "default")
            with pytest.raises(ConflictError):
                await mine.put(("a",), "default", {}, if_version=put.version)
            again = await mine.put(("a",), "default", {}, if_version=0)
            assert again.created_at == again.updated_at > put.created_at
            assert again.version > put.version

    async def test_a_read_refreshes_if_it_is_asked_to(self, open_here: OpenStore, time: MovableClock) -> None:
        """Fails without: memory/read.py, `due` (a read right after a put would write)."""
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            put = await mine.put(("a",), "k", {}, ttl=16)
            assert await mine.get(("a",), "k", refresh=True) == put
            time.move(10)
            assert await mine.get(("a",), "k") == put
            refreshed = await mine.get(("a",), "k", refresh=True)
            assert refreshed is not None
            assert refreshed == await mine.get(("a",), "k")
            assert refreshed.expires_at is not None
            assert put.expires_at is not None
            # At least for its whole life again, and at most a sixteenth longer.
            assert (refreshed.expires_at - put.expires_at).total_seconds() == 10 + 1
            assert (refreshed.version, refreshed.updated_at) == (put.version, put.updated_at)
            time.move(16)
            (found,) = await mine.get_many([(("a",), "k")], refresh=True)
            assert found is not None
            time.move(17)
            assert await mine.get(("a",), "k", refresh=True) is None

    async def test_purging_removes_the_expired_ones_only(self, open_here: OpenStore, time: MovableClock) -> None:
        # The database's clock counts, too, so the time is before its own.
        time.move(-200_000_000)
        async with open_here() as store:
            await store.memories.purge_expired()
            mine = store.memories.under((f"{uuid4()}",))
            for number in range(25):
                await mine.put((f"n{number % 3}",), f"k{number}", {}, ttl=10 if number % 5 else None)
            assert await store.memories.purge_expired() == 0
            time.move(10)
            # What a store removes by itself, beside the batches, is not counted.
            assert 0 < await store.memories.purge_expired(batch=7) <= 20
            assert await store.memories.purge_expired() == 0
            time.move(-10)
            assert await mine.count() == 5

    async def test_erasing(self, open_here: OpenStore) -> None:
        """Fails without: memory/erase.py, `DELETE_SPACE`."""
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            for number in range(30):
                await mine.put((f"n{number % 3}", "x"), f"k{number}", {})
            await mine.delete(("n1", "x"), "k1")
            receipt = await mine.erase(("n1",), actor="the clerk")
            assert (receipt.prefix, receipt.namespaces, receipt.memories, receipt.removals) == (("n1",), 1, 9, 1)
            (row, *_) = await store.audits(what="erase_memories")
            assert (row.actor, row.counts["memories"], row.counts["spaces"]) == ("the clerk", 9, 1)
            assert await mine.count() == 20
            assert await mine.list(("n1",)) == []
            again = await mine.erase(("n1",))
            assert (again.namespaces, again.memories) == (0, 0)
            await mine.put(("n1", "x"), "k1", {"n": 1})
            assert await mine.count(("n1",)) == 1

    async def test_erasing_an_owner_includes_the_memories(self, open_here: OpenStore) -> None:
        """Fails without: memory/component.py, `erase_owners`."""
        async with open_here() as store:
            owner, other = f"{uuid4()}", f"{uuid4()}"
            root = store.memories.under((f"{uuid4()}",))
            for one in (owner, other):
                await root.put((one,), "k", {"of": one}, owner=one)
                await store.session(f"of {one}", owner=one).add_items([{"role": "user", "content": "x"}])
            await root.put(("nobody",), "k", {})
            receipt = await store.erase_owner(owner, scrub=False)
            assert receipt.sessions == 1
            assert receipt.rows["memory"]["memories"] == receipt.rows["memory"]["spaces"] == 1
            assert [one.namespace for one in await root.list()] == sorted([(other,), ("nobody",)])
            assert await store.session(f"of {other}").get_items() != []

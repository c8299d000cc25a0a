"""The contract for a store's numbers, as tests to run on your own store.

As `sessions.testing.InfoContract`: a fixture `open_here` returns a function that opens a `Store` on the test's
database, with the options of `open_store`. Each test calls it once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest

from sessions.checkpoints.values import Place
from sessions.errors import SessionClosedError
from sessions.store.threads import ThreadStore
from sessions.testing.checkpoints.shared import new
from sessions.testing.expiry_model import MovableClock
from sessions.types.memories import Put

if TYPE_CHECKING:
    from sessions.testing.expiry_model import OpenStore


class StatsContract:
    """The numbers of `Store.stats`."""

    encrypted: ClassVar[bool] = False
    """Whether the store encrypts its sessions."""

    @pytest.fixture
    def time(self, monkeypatch: pytest.MonkeyPatch) -> MovableClock:
        """Return the clock of all sessions in this test."""
        return MovableClock(monkeypatch)

    async def test_each_thing_is_counted_where_it_is(self, open_here: OpenStore) -> None:
        """On a database that may have other sessions."""
        async with open_here() as store:
            await store.memories.count()  # Their tables are made at their first use.
            before = await store.stats()
            first, second = store.session("first"), store.session("second")
            await first.add_items([{"role": "user", "content": "1"}, {"role": "assistant", "content": "2"}])
            await second.add_items([{"role": "user", "content": "1"}])
            await second.set_info(archived=True)
            await first.branches.create("draft", turn=1)
            await first.usage.record(input_tokens=1)
            await first.usage.record(input_tokens=1)
            await store.memories.put_many([Put(("counted", one), key, {}) for one in "ab" for key in "xyz"])
            threads = ThreadStore(store._backend)  # noqa: SLF001 - adapters make one
            for number in ("1", "2"):
                await threads.put(Place("t"), new(number, None, {"a": number}))
            await threads.aclose()
            found = await store.stats()
            listed = await store.sessions()
        counts = {
            "sessions": 2,
            "archived": 1,
            "encrypted": 2 * self.encrypted,
            "branches": 3,
            "entries": 3,
            "usage": 2,
            "memories": 6,
            "namespaces": 2,
            "threads": 1,
            "checkpoints": 2,
        }
        assert {name: getattr(found, name) - getattr(before, name) for name in counts} == counts
        assert found.bytes >= 0
        assert found.created_at == min(one.created_at for one in listed)
        assert found.updated_at == max(one.updated_at for one in listed)

    async def test_undone_and_expired_entries_count_until_they_go(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        async with open_here() as store:
            before = await store.stats()

            async def more() -> tuple[int, int, int]:
                found = await store.stats()
                names = "sessions", "branches", "entries"
                one, two, three = (getattr(found, name) - getattr(before, name) for name in names)
                return one, two, three

            session = store.session("one")
            await session.add_items([{"role": "user", "content": "1"}])
            await session.add_items([{"role": "user", "content": "2"}], ttl=10)
            await session.undo()
            assert await more() == (1, 1, 2)
            await session.redo()
            time.move(11)
            assert await more() == (1, 1, 2)
            await store.purge_expired()
            assert await more() == (1, 1, 1)
            await store.delete("one")
            assert await more() == (0, 0, 0)

    async def test_bytes_grow_with_the_content(self, open_here: OpenStore) -> None:
        """MariaDB only estimates, some time later."""
        async with open_here() as store:
            await store.session("one").add_items([{"n": 0}])
            before = (await store.stats()).bytes
            await store.session("one").add_items([{"n": number, "text": "x" * 10_000} for number in range(100)])
            after = (await store.stats()).bytes
        assert after >= before >= 0

    async def test_a_closed_store_raises(self, open_here: OpenStore) -> None:
        store = open_here()
        await store.close()
        with pytest.raises(SessionClosedError):
            await store.stats()

"""Expiry: purging, by calls and in the background."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from sessions.testing.expiry.shared import answer, shown, user

if TYPE_CHECKING:
    import pytest

    from sessions.testing.expiry_model import MovableClock, OpenStore


class Purging:
    """Expired items leave the database."""

    async def test_purging_deletes_in_all_branches(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        session = store.session("s")
        await session.add_items([user("1"), answer("2")], ttl=5)
        await session.branches.create("b")
        await session.add_items([user("3")])
        await session.on_branch("b").add_items([user("4")], ttl=5)
        await session.undo()
        await session.add_items([user("5")], ttl=5)
        time.move(4)
        assert await store.purge_expired() == 0
        time.move(1)
        assert await store.purge_expired(batch=2) == 4
        assert await store.purge_expired() == 0
        assert (await store.erase("s")).entries == 1

    async def test_purging_by_age_spares_what_has_an_expiry_of_its_own(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        store = open_here()
        session = store.session("s")
        for text, own in (("1", {}), ("2", {"ttl": 100}), ("3", {"ttl": None}), ("4", {})):
            await session.add_items([user(text)], **own)
        await store.session("t").add_items([user(str(number)) for number in range(7)])
        time.move(10)
        await session.add_items([user("5")])
        assert await store.session("s", ttl=10).purge_expired(older_than=None) == 0
        assert await session.purge_expired() == 0
        assert await store.session("s", ttl=10).purge_expired(batch=1) == 2
        assert await shown(session) == "2 3 5"
        assert await store.purge_expired(older_than=10, batch=2) == 7
        assert [info.item_count for info in await store.sessions()] == [0, 3]

    async def test_purging_keeps_what_was_paid_and_where(self, open_here: OpenStore, time: MovableClock) -> None:
        session = open_here().session("s", ttl=5)
        await session.add_items([user("1")])
        await session.usage.record(input_tokens=3, output_tokens=4)
        time.move(5)
        assert await session.purge_expired() == 1
        assert (await session.usage.total()).total_tokens == 7
        assert (await session.usage.total(branch="main")).total_tokens == 7

    async def test_a_sweeper_purges_until_the_store_is_closed(
        self,
        open_here: OpenStore,
        time: MovableClock,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        store = open_here()
        purge, rounds = store.purge_expired, asyncio.Queue[int]()
        errors = [OSError("the first time")]

        async def fail_once() -> int:
            if errors:
                raise errors.pop()
            removed = await purge()
            rounds.put_nowait(removed)
            return removed

        monkeypatch.setattr(store, "purge_expired", fail_once)
        await store.session("s").add_items([user("1")], ttl=5)
        time.move(5)
        sweeper = store.sweeper(every=0.01)
        assert not sweeper.running
        with caplog.at_level(logging.ERROR, "sessions"):
            async with sweeper:
                while await rounds.get() == 0:
                    pass
                assert sweeper.running
        assert "purging the store failed" in caplog.text
        assert not sweeper.running
        async with store.sweeper(every=0.01) as another:
            await rounds.get()
            await store.close()
            assert not another.running

    async def test_a_store_sweeps_itself_while_it_is_open(
        self, open_here: OpenStore, time: MovableClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        before = asyncio.all_tasks()
        with caplog.at_level(logging.DEBUG, "sessions"):
            async with open_here(ttl=5, sweep_every=0.01) as store:
                await store.session("s").add_items([user("1")])
                time.move(5)
                while "purged 1 expired" not in caplog.text:  # noqa: ASYNC110 - it waits for a line in a log
                    await asyncio.sleep(0.01)
                assert (await store.erase("s")).entries == 0
        assert not {task for task in asyncio.all_tasks() - before if task.get_name() == "sessions-sweeper"}

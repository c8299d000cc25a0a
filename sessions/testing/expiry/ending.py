"""Expiry: when something is gone."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

import pytest

from sessions.testing.expiry.shared import answer, shown, user
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    from sessions.testing.expiry_model import MovableClock, OpenStore

HOUR = 3600


class Ending:
    """An item expires at its own time, or at its session's."""

    async def test_nothing_expires_unless_it_was_asked_for(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        await store.session("s").add_items([user("1")])
        time.move(50 * 365 * 24 * HOUR)
        assert await store.purge_expired() == 0
        assert await shown(store.session("s")) == "1"

    async def test_an_item_is_gone_for_all_when_its_own_time_has_come(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        session = open_here().session("s")
        await session.add_items([user("1")])
        await session.add_items([user("2")], ttl=10)
        await session.add_items([user("3")], ttl=0.5)
        assert await shown(session) == "1 2 3"
        time.move(0.5)
        assert await shown(session) == "1 2"
        time.move(9.499)
        assert await shown(session) == "1 2"
        time.move(0.001)
        assert await shown(session) == "1"

    async def test_a_session_does_not_see_what_is_older_than_its_ttl(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        store = open_here()
        patient, impatient = store.session("s"), store.session("s", ttl=10)
        await patient.add_items([user("1")])
        time.move(5)
        await impatient.add_items([user("2")])
        assert await shown(impatient) == "1 2"
        time.move(5)
        assert await shown(impatient) == "2"
        assert await shown(patient) == "1 2"
        time.move(5)
        # Items added with a time to live have it for every reader.
        assert (await shown(impatient), await shown(patient)) == ("", "1")

    async def test_whichever_comes_first(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        impatient = store.session("s", ttl=10)
        await impatient.add_items([user("long")], ttl=100)
        await impatient.add_items([user("short")], ttl=2)
        await impatient.add_items([user("ever")], ttl=None)
        time.move(2)
        assert await shown(impatient) == "long ever"
        time.move(8)
        assert await shown(impatient) == ""
        assert await shown(store.session("s", ttl=50)) == "long ever"
        time.move(90)
        assert await shown(store.session("s")) == "ever"

    async def test_a_store_gives_its_ttl_to_sessions_without_one(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        store = open_here(ttl=10)
        for name, ttl in (("own", {}), ("longer", {"ttl": 20}), ("for ever", {"ttl": None})):
            await store.session(name, **ttl).add_items([user(name)])
        time.move(10)
        assert await shown(store.session("own")) == ""
        assert await shown(store.session("longer", ttl=20)) == "longer"
        counts = {info.session_id: info.item_count for info in await store.sessions()}
        assert counts == {"own": 0, "longer": 0, "for ever": 0}
        # Items with `ttl=None`, or with a longer one than the store's, are spared.
        assert await store.purge_expired() == 1
        time.move(10)
        assert await store.purge_expired() == 1
        assert await shown(store.session("for ever", ttl=None)) == "for ever"

    async def test_an_object_for_a_branch_keeps_the_ttl(self, open_here: OpenStore, time: MovableClock) -> None:
        session = open_here().session("s", ttl=10).on_branch("main")
        await session.add_items([user("1")])
        time.move(10)
        assert await session.get_items() == []
        assert await session.purge_expired() == 1

    async def test_a_clock_that_is_set_back(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        session = store.session("s", ttl=10)
        await session.add_items([user("1")])
        time.move(-100)
        await session.add_items([user("2")])
        assert await shown(session) == "1 2"
        time.move(10)
        assert await shown(session) == "1"
        assert await store.purge_expired() == 1
        time.move(-10)
        assert await shown(session) == "1"

    @pytest.mark.parametrize(
        ("ttl", "error"),
        [(0, ValueError), (-1, ValueError), (math.nan, ValueError), (math.inf, ValueError), (10**30, ValueError),
         (True, TypeError), ("10", TypeError), (b"", TypeError)],
    )  # fmt: skip
    async def test_a_ttl_that_is_none_is_refused(self, open_here: OpenStore, ttl: Any, error: type[Exception]) -> None:
        store = open_here()
        session = store.session("s")
        with pytest.raises(error, match="ttl must be a"):
            store.session("s", ttl=ttl)
        with pytest.raises(error, match="ttl must be a"):
            await session.add_items([user("1")], ttl=ttl)
        with pytest.raises(error, match="older_than must be a"):
            await store.purge_expired(older_than=ttl)
        with pytest.raises(error, match="every must be a"):
            store.sweeper(every=ttl)
        assert await session.get_items() == []

    async def test_the_same_key_adds_once_whatever_the_ttl(self, open_here: OpenStore, time: MovableClock) -> None:
        session = open_here().session("s")
        await session.add_items([user("1")], idempotency_key="k", ttl=5)
        await session.add_items([user("1")], idempotency_key="k", ttl=100)
        assert await shown(session) == "1"
        time.move(5)
        await session.purge_expired()
        await session.add_items([user("1")], idempotency_key="k")
        assert await session.get_items() == []

    async def test_what_is_added_at_the_same_moment_keeps_its_own_expiry(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        store = open_here()
        names = ["a", "b", "c"]
        for name in names:
            await store.session(name).add_items([user("first")])
        # Each session gets items of every kind; one of them none that expires.
        adding = [
            store.session(name).add_items([user(f"{number}"), answer(f"{number}")], ttl=ttl)
            for number in range(4)
            for name in names
            for ttl in ((DEFAULT, None) if name == "c" else (DEFAULT, 5, 10, None))
        ]
        await asyncio.gather(*adding)
        for passed, left in ((0, 33), (5, 25), (5, 17)):
            time.move(passed)
            expected = {"a": left, "b": left, "c": 17}
            assert {name: len(await store.session(name).get_items()) for name in names} == expected
            assert {info.session_id: info.item_count for info in await store.sessions()} == expected
        assert await store.purge_expired() == 32

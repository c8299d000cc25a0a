"""Interruptions: leases and watches that are cancelled."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

import pytest

from sessions.testing.fixtures import SessionAndClock
from sessions.testing.interruptions.cancel import WAYS, cycles
from sessions.testing.interruptions.shared import HANGS_AFTER
from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.fixtures import MakeLogSession


class Holding(SessionAndClock):
    """A cancelled holder gives its lease back; a cancelled watch leaves nothing."""

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("on_busy", ["wait", "reject", "fork"])
    async def test_a_lease_is_given_back(
        self, make: MakeLogSession, session: LogSession, way: str, on_busy: Literal["wait", "reject", "fork"]
    ) -> None:
        await session.add_items([item("u1")])

        async def hold() -> None:
            async with session.lease(on_busy=on_busy) as leased:
                await leased.add_items([item("u2")])
                held.set()
                await asyncio.sleep(HANGS_AFTER)

        # While it is being taken, while something is added, and while it is held.
        for steps in (1, 2, 3, 5, 8, 13, None):
            held = asyncio.Event()
            moment = cycles(0, held) if steps is None else cycles(steps)
            assert await WAYS[way](hold, moment)
            async with make(session.session_id).lease(on_busy="reject"):
                pass

    @pytest.mark.parametrize("way", WAYS)
    async def test_a_lease_that_is_being_left_is_given_back(
        self, make: MakeLogSession, session: LogSession, way: str
    ) -> None:
        await session.add_items([item("u1")])

        async def leave() -> None:
            with suppress(ZeroDivisionError):
                async with session.lease():
                    left.set()
                    raise ZeroDivisionError

        for steps in (0, 1, 2, 3, 5, 8):
            left = asyncio.Event()
            await WAYS[way](leave, cycles(steps, left))
            async with make(session.session_id).lease(on_busy="reject"):
                pass

    @pytest.mark.parametrize("way", WAYS)
    async def test_who_stops_waiting_for_a_lease_is_not_waited_for(
        self, make: MakeLogSession, session: LogSession, way: str
    ) -> None:
        for steps in (1, 4, 9, 50):
            async with session.lease():
                assert await WAYS[way](lambda: make(session.session_id).lease().__aenter__(), cycles(steps))
            async with make(session.session_id).lease(on_busy="reject"):
                pass

    @pytest.mark.parametrize("way", WAYS)
    async def test_a_watch_leaves_nothing_behind(self, session: LogSession, way: str) -> None:
        await session.add_items([item("u1")])
        before = asyncio.all_tasks()
        for steps in (1, 3, 9, 50):
            watch = session.watch(after=0)
            await anext(watch)
            assert await WAYS[way](watch.__anext__, cycles(steps))
            with pytest.raises(StopAsyncIteration):
                await anext(watch)
        if left := asyncio.all_tasks() - before:
            await asyncio.wait(left, timeout=HANGS_AFTER)
        assert asyncio.all_tasks() == before

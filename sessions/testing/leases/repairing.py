"""Leases: repair while a branch is held."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sessions.errors import (
    LeaseLostError,
    SessionBusyError,
)
from sessions.testing.fixtures import SessionAndClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.session.base import LogSession
    from sessions.testing.expiry_model import MovableClock
    from sessions.testing.fixtures import MakeLogSession

    Remove = Callable[..., object]

from sessions.testing.leases.shared import CALL, INTERRUPTED, OUTPUT, TTL, user


class Repairing(SessionAndClock):
    """Leases: repair while a branch is held."""

    @pytest.mark.parametrize("exclusive", [False, True])
    async def test_whoever_reads_does_not_repair_what_is_in_the_making(
        self, make: MakeLogSession, session: LogSession, time: MovableClock, *, exclusive: bool
    ) -> None:
        """Fails without: session/windows.py, `alone=True` in `_repair_last_turn`."""
        reader = make(session.session_id, session_settings={"repair": True})
        async with session.lease(ttl=TTL, exclusive=exclusive) as leased:
            await leased.add_items([user(1), CALL])
            before = await session.version(), await session.entries()
            assert await reader.get_items() == [user(1), CALL]
            assert (await session.version(), await session.entries()) == before
            await leased.add_items([OUTPUT, CALL])
            # Without a holder, it counts as left by a crash.
            time.move(TTL)
            assert (await reader.get_items())[-2:] == [CALL, OUTPUT | {"output": INTERRUPTED}]
            with pytest.raises(LeaseLostError):
                await leased.add_items([OUTPUT])

    async def test_whoever_holds_a_lease_repairs_what_is_there(self, make: MakeLogSession, session: LogSession) -> None:
        await session.add_items([user(1), CALL])
        resumed = make(session.session_id, session_settings={"repair": True})
        async with resumed.lease() as leased:
            assert (await leased.get_items())[2:] == [OUTPUT | {"output": INTERRUPTED}]
            await leased.add_items([user(2), CALL])
            # An explicit request is refused only by an exclusive lease.
            assert (await session.repair(apply=True)).repaired

    async def test_leased_and_other_appends_at_once(self, make: MakeLogSession, session: LogSession) -> None:
        await session.add_items([user("first")])
        async with session.lease(exclusive=True) as leased:
            results = await asyncio.gather(
                *(
                    each.add_items([user(f"{name} {number}")])
                    for number in range(8)
                    for name, each in (("leased", leased), ("other", make(session.session_id)))
                ),
                return_exceptions=True,
            )
        assert [type(result) for result in results] == [type(None), SessionBusyError] * 8
        assert sorted(item["content"] for item in await session.get_items()) == sorted(
            ["first", *(f"leased {number}" for number in range(8))]
        )

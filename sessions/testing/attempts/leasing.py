"""Attempts inside leases."""

# ruff: noqa: PT012 - the end of a block raises.

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

import pytest

from sessions.errors import (
    LeaseLostError,
    SessionBusyError,
)
from sessions.testing.attempts.shared import add, currents, fail, shown
from sessions.testing.fixtures import SessionAndClock
from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.expiry_model import MovableClock
    from sessions.testing.fixtures import MakeLogSession

TTL = 60.0


class Leasing(SessionAndClock):
    """An attempt is fenced by the lease that it is inside of."""

    @pytest.mark.parametrize("exclusive", [False, True])
    async def test_inside_a_lease(self, make: MakeLogSession, session: LogSession, *, exclusive: bool) -> None:
        await add(session, "u1 a1")
        async with session.lease(exclusive=exclusive) as leased:
            async with leased.attempt(1) as tried:
                assert tried.held == leased.held
                await add(tried, "u1b")
            await fail(leased, "u1c", turn=1, on_failure="drop")
            assert await shown(make(session.session_id)) == "u1b"
            await add(leased, "a1b")
            if exclusive:
                with pytest.raises(SessionBusyError):
                    await make(session.session_id).attempt(1).__aenter__()
        assert await shown(session) == "u1b a1b"

    @pytest.mark.parametrize("then", ["taken", "changed"])
    async def test_a_lease_that_is_lost_fences_the_attempt(
        self, make: MakeLogSession, session: LogSession, time: MovableClock, then: str
    ) -> None:
        """Fails without: log/core/locking.py, `check_held` in `bump_version`."""
        other = make(session.session_id)
        await add(session, "u1 a1")
        async with AsyncExitStack() as stack:
            leased = await stack.enter_async_context(session.lease(ttl=TTL))
            with pytest.raises(LeaseLostError):
                async with leased.attempt(1) as tried:
                    await add(tried, "u1b")
                    time.move(TTL)
                    if then == "taken":
                        await stack.enter_async_context(other.lease(ttl=TTL, on_busy="reject"))
                    else:
                        await add(other, "u2")
                    before = await other.version()
                    for change in (partial(add, tried, "late"), tried.pop_item, partial(tried.handover, "b")):
                        with pytest.raises(LeaseLostError):
                            await change()
                    with pytest.raises(LeaseLostError):
                        await tried.add_items([item("late")], idempotency_key="late")
                    assert await other.version() == before
            assert await shown(other) == ("u1 a1" if then == "taken" else "u1 a1 u2")
            assert await currents(other, 1) == [True, False]

    async def test_an_exclusive_lease_that_another_took_keeps_the_branch(
        self, make: MakeLogSession, session: LogSession
    ) -> None:
        await add(session, "u1 a1")
        async with AsyncExitStack() as stack:
            with pytest.raises(SessionBusyError):
                async with session.attempt(1) as tried:
                    await stack.enter_async_context(make(session.session_id).lease(exclusive=True))
                    await add(tried, "u1b")
        assert await shown(session) == "u1 a1"
        assert await currents(session, 1) == [True, False]

"""Leases that were lost: late holders change nothing."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest

from sessions.errors import (
    LeaseLostError,
    SessionBusyError,
    UnknownBranchError,
)
from sessions.log.lifetime.erase import erase
from sessions.log.lifetime.remove import delete
from sessions.testing.fixtures import SessionAndClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.session.base import LogSession
    from sessions.testing.expiry_model import MovableClock
    from sessions.testing.fixtures import MakeLogSession

    Remove = Callable[..., object]

from sessions.testing.leases.shared import TTL, all_are_refused, changes_of, fill, remove_session, texts, user


class Losing(SessionAndClock):
    """Leases that were lost: late holders change nothing."""

    @pytest.mark.parametrize("change", range(9))
    @pytest.mark.parametrize("then", ["taken", "taken and given back", "changed", "given back"])
    async def test_whoever_lost_the_lease_writes_nothing(
        self, make: MakeLogSession, session: LogSession, time: MovableClock, then: str, change: int
    ) -> None:
        await fill(session)
        other = make(session.session_id)
        async with AsyncExitStack() as stack:
            leased = await stack.enter_async_context(session.lease(ttl=TTL))
            if then == "given back":
                await stack.aclose()
            time.move(TTL)
            if then == "changed":
                await other.add_items([user("theirs")])
                await other.undo()
            elif then != "given back":
                theirs = await stack.enter_async_context(other.lease(ttl=TTL, on_busy="reject"))
                assert theirs.held is not None
                assert leased.held is not None
                assert theirs.held.token > leased.held.token
                if then == "taken and given back":
                    await stack.pop_all().aclose()
            before = await other.version(), await other.entries()
            with pytest.raises(LeaseLostError, match=r"main.*Nothing was changed"):
                await changes_of(leased)[change]()
            assert (await other.version(), await other.entries()) == before

    @pytest.mark.parametrize("before", ["nothing", "items"])
    @pytest.mark.parametrize("remove", [delete, erase])
    async def test_a_lease_of_a_session_that_was_removed_changes_no_new_one(
        self, make: MakeLogSession, session: LogSession, remove: Remove, before: str
    ) -> None:
        """Fails without: log/statements/leases.py, where the first number is made."""
        other = make(session.session_id)
        if before == "items":
            await fill(session)
        async with AsyncExitStack() as late, AsyncExitStack() as stack:
            leased = await late.enter_async_context(session.lease())
            await remove_session(other, remove)
            if before == "items":
                await fill(other)
            theirs = await stack.enter_async_context(other.lease(holder="billing"))
            if before == "nothing":
                await fill(theirs)
            found = await other.version(), await other.entries()
            await all_are_refused(leased)
            await late.aclose()
            assert (await other.version(), await other.entries()) == found
            with pytest.raises(SessionBusyError, match="billing"):
                await session.lease(on_busy="reject").__aenter__()
            await theirs.add_items([user("still theirs")])

    async def test_a_lease_of_a_session_that_was_removed_makes_no_new_one(self, session: LogSession) -> None:
        """Fails without: log/core/fencing.py, `check_held`, and its callers."""
        await fill(session)
        async with session.lease() as leased:
            await remove_session(session, delete)
            await all_are_refused(leased, but_readers=True)
            for key in (None, "k"):
                with pytest.raises(LeaseLostError):
                    await leased.add_items([user("late")], expected_version=7, idempotency_key=key)
            assert await leased.get_items() == []
        assert await session.version() == 0

    @pytest.mark.parametrize("anew", [False, True])
    async def test_a_lease_on_a_branch_that_was_deleted(
        self, make: MakeLogSession, session: LogSession, *, anew: bool
    ) -> None:
        """Fails without: log/core/changing.py, `check_held` in `lock_head`."""
        await fill(session)
        await session.branches.create("b")
        other = make(session.session_id)
        async with session.on_branch("b").lease() as leased:
            await leased.add_items([user("turn")])
            await other.branches.delete("b")
            if anew:
                await other.branches.create("b")
            before = await other.version(), await other.entries()
            await all_are_refused(leased, but_readers=not anew)
            if not anew:
                # Reads, and operations that read first, find no such branch.
                for read in (leased.get_items, lambda: leased.repair(apply=True)):
                    with pytest.raises(UnknownBranchError):
                        await read()
            assert (await other.version(), await other.entries()) == before

    async def test_whoever_is_late_but_alone_goes_on(self, session: LogSession, time: MovableClock) -> None:
        async with session.lease(ttl=TTL) as leased:
            time.move(10 * TTL)
            await leased.add_items([user(1)])
            await leased.undo()
            await leased.redo()
        assert await texts(session) == "1"

    async def test_a_lease_that_was_ended_is_over_by_every_clock(self, session: LogSession, time: MovableClock) -> None:
        await session.add_items([user(0)])
        async with session.lease(ttl=TTL):
            time.move(TTL + 5)
            await asyncio.gather(*(session.add_items([user(number)]) for number in range(3)))
            time.move(-10)
            async with session.lease(ttl=TTL, on_busy="reject") as leased:
                await leased.add_items([user("turn")])
        assert (await session.get_items())[-1] == user("turn")

    async def test_whoever_lost_it_gives_nothing_back(
        self, make: MakeLogSession, session: LogSession, time: MovableClock
    ) -> None:
        async with AsyncExitStack() as late, AsyncExitStack() as stack:
            await late.enter_async_context(session.lease(ttl=TTL))
            time.move(TTL)
            theirs = await stack.enter_async_context(make(session.session_id).lease(ttl=TTL, on_busy="reject"))
            await late.aclose()
            with pytest.raises(SessionBusyError):
                await session.lease(on_busy="reject").__aenter__()
            await theirs.add_items([user(1)])

    async def test_a_retry_of_what_was_added_in_time_is_no_change(
        self, make: MakeLogSession, session: LogSession, time: MovableClock
    ) -> None:
        async with session.lease(ttl=TTL) as leased:
            await leased.add_items([user(1)], idempotency_key="k")
            time.move(TTL)
            async with make(session.session_id).lease(on_busy="reject"):
                await leased.add_items([user(1)], idempotency_key="k")
        assert await texts(session) == "1"

    async def test_clearing_under_a_lease_keeps_the_lease(self, session: LogSession) -> None:
        await fill(session)
        async with session.lease(exclusive=True) as leased:
            await leased.clear_session()
            with pytest.raises(SessionBusyError):
                await session.add_items([user("other")])
            await leased.add_items([user("new")])
        await session.branches.create("b")
        async with session.on_branch("b").lease() as leased:
            await leased.clear_session()
            with pytest.raises(LeaseLostError):
                await leased.add_items([user("gone")])
        assert await session.get_items() == []

    async def test_a_lease_that_is_renewed_is_not_lost(self, make: MakeLogSession, session: LogSession) -> None:
        async with session.lease(ttl=0.6, exclusive=True) as leased:
            await asyncio.sleep(1.3)
            if leased.held is not None and not leased.held.lost:
                await leased.add_items([user(1)])
                assert await texts(make(session.session_id)) == "1"

    @pytest.mark.parametrize(
        ("options", "error"),
        [
            ({"holder": ""}, ValueError),
            ({"holder": 7}, TypeError),
            ({"ttl": 0}, ValueError),
            ({"ttl": "1"}, TypeError),
            ({"timeout": -1}, ValueError),
            ({"timeout": None}, TypeError),
            ({"on_busy": "steal"}, ValueError),
            ({"exclusive": "reject"}, TypeError),
        ],
    )
    async def test_refuses_what_is_out_of_range(
        self, session: LogSession, options: dict[str, Any], error: type[Exception]
    ) -> None:
        with pytest.raises(error, match=next(iter(options))):
            session.lease(**options)
        async with session.lease() as leased:
            with pytest.raises(ValueError, match="already holds a lease"):
                leased.lease()

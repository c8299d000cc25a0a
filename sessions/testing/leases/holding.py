"""Leases: a leased session is a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions.errors import (
    ConflictError,
    UnknownBranchError,
)
from sessions.log.lifetime.erase import erase
from sessions.log.lifetime.remove import delete
from sessions.testing.fixtures import SessionAndClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.session.base import LogSession
    from sessions.testing.fixtures import MakeLogSession

    Remove = Callable[..., object]

from sessions.testing.leases.shared import fill, remove_session, texts, user


class Holding(SessionAndClock):
    """Leases: a leased session is a session."""

    async def test_a_leased_session_is_a_session(self, make: MakeLogSession, session: LogSession) -> None:
        assert session.held is None
        async with session.lease(holder="billing") as leased:
            assert type(leased) is type(session)
            assert leased.session_id == session.session_id
            assert leased.held is not None
            assert (leased.held.branch, leased.held.holder, leased.held.lost) == ("main", "billing", False)
            await leased.add_items([user(1)])
            await leased.as_author("a").add_items([user(2)])
            assert await leased.pop_item() == user(2)
            assert await texts(make(session.session_id)) == "1"
        assert await texts(session) == "1"

    @pytest.mark.parametrize("before", ["nothing", "items", "undone", "cleared"])
    async def test_a_lease_can_begin_anywhere(self, session: LogSession, before: str) -> None:
        if before != "nothing":
            await fill(session)
        if before == "items":
            await session.redo()
        if before == "cleared":
            await session.clear_session()
        there = await session.get_items()
        for number in range(2):
            async with session.lease() as leased:
                await leased.add_items([user(number)])
        assert await session.get_items() == [*there, user(0), user(1)]

    async def test_taking_and_giving_back_are_no_changes(self, session: LogSession) -> None:
        await session.add_items([user(1)])
        version = await session.version()
        async with session.lease() as leased:
            await leased.add_items([user(2)], expected_version=version)
            with pytest.raises(ConflictError):
                await leased.add_items([user(3)], expected_version=version)
        assert await session.version() == version + 1

    async def test_numbers_rise_also_through_clearing(self, session: LogSession) -> None:
        tokens = []
        for change in (session.get_items, session.clear_session, session.get_items):
            async with session.lease() as leased:
                assert leased.held is not None
                tokens.append(leased.held.token)
            await change()
        assert tokens == sorted(set(tokens))

    @pytest.mark.parametrize("before", ["nothing", "items"])
    @pytest.mark.parametrize("remove", [delete, erase])
    async def test_numbers_rise_also_through_removing(self, session: LogSession, remove: Remove, before: str) -> None:
        """Fails without: log/statements/leases.py, where the first number is made."""
        tokens = []
        for _ in range(3):
            if before == "items":
                await session.add_items([user(1)])
            for _ in range(2):
                async with session.lease() as leased:
                    assert leased.held is not None
                    tokens.append(leased.held.token)
            await remove_session(session, remove)
        assert tokens == sorted(set(tokens))

    async def test_a_lease_stays_on_its_branch(self, session: LogSession) -> None:
        await session.add_items([user(1)])
        await session.branches.create("b")
        async with session.lease() as leased:
            await session.branches.switch("b")
            await leased.add_items([user(2)])
            assert await texts(leased) == "1 2"
            # Another branch has another lease.
            async with session.lease(on_busy="reject") as other:
                assert other.held is not None
                assert other.held.branch == "b"
                await other.add_items([user(3)])
            async with session.on_branch("b").lease(on_busy="reject") as other:
                await other.add_items([user(4)])
        assert await texts(session) == "1 3 4"
        with pytest.raises(UnknownBranchError):
            await session.on_branch("c").lease().__aenter__()

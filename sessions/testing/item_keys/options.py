"""Item keys beside the other arguments of an append, and beside other appends at the same time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sessions.errors import (
    ConflictError,
    IdempotencyKeyReusedError,
    ItemKeyConflictError,
    SessionBusyError,
    UnknownBranchError,
)
from sessions.testing.fixtures import SessionAndClock
from sessions.testing.item_keys.shared import add, shown, user

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.expiry_model import MovableClock
    from sessions.testing.fixtures import MakeLogSession


class Options(SessionAndClock):
    """Keys go with idempotency keys, versions, leases, authors and watchers."""

    async def test_beside_an_idempotency_key(self, session: LogSession) -> None:
        for _ in range(2):
            await add(session, "a", "b", idempotency_key="k")
        await add(session, "b", "c", idempotency_key="l")
        # It was seen, whatever its items' keys are.
        await session.add_items([user("b"), user("c")], keys=["x", "y"], idempotency_key="l")
        assert await shown(session) == "a b c"
        with pytest.raises(IdempotencyKeyReusedError):
            await add(session, "a", idempotency_key="l")
        # An append of which all is known is remembered, too.
        await add(session, "a", idempotency_key="m")
        with pytest.raises(IdempotencyKeyReusedError):
            await add(session, "z", idempotency_key="m")
        # One that is refused is not.
        with pytest.raises(ItemKeyConflictError):
            await session.add_items([user("other")], keys=["a"], idempotency_key="n")
        await add(session, "d", idempotency_key="n")
        assert await shown(session) == "a b c d"

    async def test_a_repeated_append_that_adds_nothing_changes_no_version(self, session: LogSession) -> None:
        """Fails without: log/fast/statements.py, `may_extend = 1` in `_ALLOWED`."""
        await add(session, "a", idempotency_key="k")
        await add(session, "b")
        await session.undo()
        version = await session.version()
        await add(session, "a", idempotency_key="k")
        await add(session, "a")
        assert await session.version() == version
        # The branch was moved back, so that what comes next begins another segment: that is one change, too.
        await add(session, "c")
        assert await session.version() == version + 1

    async def test_beside_an_expected_version(self, session: LogSession) -> None:
        await add(session, "a", expected_version=0)
        version = await session.version()
        await add(session, "b", expected_version=version)
        # A retry finds all that it has added; an append of new items is refused.
        await add(session, "b", expected_version=version)
        await add(session, "a", "b", expected_version=0)
        with pytest.raises(ConflictError):
            await add(session, "b", "c", expected_version=version)
        assert await shown(session) == "a b"
        with pytest.raises(ConflictError):
            await session.add_items([], keys=[], expected_version=version)

    async def test_beside_a_lease(self, make: MakeLogSession, session: LogSession) -> None:
        await add(session, "a")
        async with session.lease(exclusive=True) as leased:
            await add(leased, "a", "b")
            with pytest.raises(SessionBusyError):
                await add(make(session.session_id), "b", "c")
            assert await shown(leased) == "a b"
        await add(session, "b", "c")
        assert await shown(session) == "a b c"

    async def test_on_a_branch_that_is_not_there(self, session: LogSession) -> None:
        for _ in range(2):
            with pytest.raises(UnknownBranchError):
                await add(session.on_branch("branch"), "a")
            await add(session, "a")

    async def test_authors_and_times(self, session: LogSession, time: MovableClock) -> None:
        await add(session, "a")
        time.move(10)
        await add(session.as_author("ann"), "a", "b")
        entries = await session.entries()
        assert [(entry.author, entry.turn) for entry in entries] == [(None, 1), ("ann", 2)]
        assert (entries[1].created_at - entries[0].created_at).total_seconds() == 10

    async def test_watchers_are_told_of_what_was_added(self, session: LogSession) -> None:
        await add(session, "a")
        version = await session.version()
        await add(session, "a", "b")
        changes = session.watch(after=version)
        change = await anext(changes)
        assert (change.kind, change.items) == ("appended", [user("b")])
        await changes.aclose()

    async def test_of_those_who_add_the_same_keys_at_once_one_does(self, make: MakeLogSession) -> None:
        sessions = [make("raced for") for _ in range(8)]
        keys = [f"k{number}" for number in range(6)]
        await asyncio.gather(*(add(each, *keys[number % 3 :]) for number, each in enumerate(sessions)))
        assert sorted((await shown(sessions[0])).split()) == keys

    async def test_of_those_who_add_others_with_the_same_key_one_does(self, make: MakeLogSession) -> None:
        sessions = [make("raced for") for _ in range(6)]
        results = await asyncio.gather(
            *(each.add_items([user(number)], keys=["k"]) for number, each in enumerate(sessions)),
            return_exceptions=True,
        )
        (winner,) = (number for number, result in enumerate(results) if result is None)
        assert all(isinstance(result, ItemKeyConflictError) for result in results if result is not None)
        assert await sessions[0].get_items() == [user(winner)]

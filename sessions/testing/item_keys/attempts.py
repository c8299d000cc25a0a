"""Item keys in attempts."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from sessions.testing.fixtures import SessionAndClock
from sessions.testing.item_keys.shared import add, shown

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.fixtures import MakeLogSession


class Attempts(SessionAndClock):
    """An attempt has seen what its branch has; its branch, what a chosen attempt has."""

    @pytest.mark.parametrize("fails", [False, True])
    async def test_in_an_attempt(self, session: LogSession, *, fails: bool) -> None:
        await add(session, "a", "b")
        with suppress(ZeroDivisionError):
            async with session.attempt(turn=2, on_failure="drop") as attempt:
                await add(attempt, "a", "b", "c", "d")
                await attempt.pop_item()
                await add(attempt, "c", "d")
                assert await shown(attempt) == "a b c"
                if fails:
                    raise ZeroDivisionError
        assert await shown(session) == ("a b" if fails else "a b c")
        await add(session, "b", "c")
        assert await shown(session) == "a b c"

    @pytest.mark.parametrize("turn", [None, 1])
    @pytest.mark.parametrize("branch", ["main", "branch"])
    async def test_what_an_attempt_popped_stays_popped(
        self, make: MakeLogSession, session: LogSession, branch: str, turn: int | None
    ) -> None:
        """Fails without: log/core/item_keys.py, `share_popped`."""
        await add(session, "a", "b")
        if branch != "main":
            await session.branches.create(branch)
        on_branch = make(session.session_id).on_branch(branch)
        async with on_branch.attempt(turn) as tried:
            await add(tried, "a", "x")
            await tried.pop_item()
            if turn is None:
                await tried.pop_item()
                await tried.pop_item()
            await add(tried, "c")
            await add(tried, "x")
            expected = await shown(tried)
        assert expected == ("c" if turn is None else "a c")
        for retry in (on_branch, make(session.session_id).on_branch(branch)):
            await add(retry, *("abx" if turn is None else "ax"))
            assert await shown(retry) == expected
        async with on_branch.attempt() as tried:
            await add(tried, *("abx" if turn is None else "ax"))
            assert await shown(tried) == expected

    @pytest.mark.parametrize("branch", ["main", "branch"])
    async def test_what_was_popped_before_an_attempt_stays_popped_in_it(self, session: LogSession, branch: str) -> None:
        """Fails without: log/core/item_keys.py, `OWNER_OF_ATTEMPT`."""
        await add(session, "a", "b")
        if branch != "main":
            await session.branches.create(branch)
        on_branch = session.on_branch(branch)
        await on_branch.pop_item()
        async with on_branch.attempt() as tried:
            await add(tried, "b", "c")
            assert await shown(tried) == "a c"
        assert await shown(on_branch) == "a c"

    @pytest.mark.parametrize("running", [False, True])
    async def test_what_was_popped_in_an_attempt_that_is_chosen_stays_popped(
        self, make: MakeLogSession, session: LogSession, *, running: bool
    ) -> None:
        """Fails without: log/history/siblings.py, `share_popped`."""
        other = make(session.session_id)
        await add(session, "a", "b", "c")
        with suppress(ZeroDivisionError):
            async with session.attempt() as tried:
                await tried.pop_item()
                await add(tried, "d")
                if running:
                    await other.choose((await other.siblings(3))[1])
                raise ZeroDivisionError
        await add(session, "c")
        if not running:
            assert await shown(session) == "a b c"
            await session.choose((await session.siblings(3))[1])
        await add(session, "c")
        assert await shown(session) == "a b d"

    async def test_what_was_popped_in_an_attempt_that_failed_stays(self, session: LogSession) -> None:
        await add(session, "a", "b")
        with suppress(ZeroDivisionError):
            async with session.attempt() as tried:
                await tried.pop_item()
                raise ZeroDivisionError
        await add(session, "b", "c")
        assert await shown(session) == "a b c"

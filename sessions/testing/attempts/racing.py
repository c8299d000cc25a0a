"""Attempts: a branch that others change meanwhile."""

# ruff: noqa: PT012 - the end of a block raises.

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from sessions.errors import (
    ConflictError,
)
from sessions.testing.attempts.shared import add, currents, shown
from sessions.testing.fixtures import SessionAndClock
from sessions.testing.tree_model import CountEntries, item

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessions.session.base import LogSession
    from sessions.testing.fixtures import MakeLogSession


async def _refused_in_attempt(session: LogSession, texts: str, turn: int, change: Callable[[], Awaitable[Any]]) -> None:
    with pytest.raises(ConflictError, match="stays as a sibling"):
        async with session.attempt(turn) as tried:
            await add(tried, texts)
            await change()


ENDINGS: dict[str, Callable[[LogSession], Awaitable[Any]]] = {
    "deleted": lambda session: session.branches.delete("other", force=True),
    "cleared": lambda session: session.clear_session(),
}


class Racing(SessionAndClock):
    """An attempt whose branch others change is a sibling in the end."""

    async def test_a_branch_that_others_changed_stays_as_they_left_it(
        self, make: MakeLogSession, session: LogSession
    ) -> None:
        other = make(session.session_id)
        await add(session, "u1 a1 u2 a2")
        await _refused_in_attempt(session, "u2b", 2, partial(add, other, "u3"))
        await _refused_in_attempt(session, "u2c", 2, other.pop_item)
        await _refused_in_attempt(session, "u2d", 2, other.undo)
        assert await shown(session) == "u1 a1"
        await other.redo()
        assert await shown(session) == "u1 a1 u2 a2"
        assert await currents(session, 2) == [True, False, False, False]

        async def replace_the_last() -> None:
            await other.pop_item()
            await add(other, "a2x")

        await _refused_in_attempt(session, "u2e", 2, replace_the_last)
        assert await shown(session) == "u1 a1 u2 a2x"

    async def test_a_branch_that_ends_where_it_did_goes_on_with_the_attempt(
        self, make: MakeLogSession, session: LogSession
    ) -> None:
        other = make(session.session_id)
        await add(session, "u1 a1 u2 a2")
        await other.branches.create("b")
        async with session.attempt(2) as tried:
            await add(tried, "u2b")
            await other.undo()
            await other.redo()
            await add(other.on_branch("b"), "u3")
            await other.branches.switch("b")
        assert await shown(session.on_branch("main")) == "u1 a1 u2b"
        assert await shown(other) == "u1 a1 u2 a2 u3"

    async def test_the_first_of_two_attempts_wins(self, make: MakeLogSession, session: LogSession) -> None:
        other = make(session.session_id)
        await add(session, "u1 a1")
        with pytest.raises(ConflictError, match="main"):
            async with session.attempt() as tried:
                await add(tried, "u2")
                async with other.attempt() as theirs:
                    await add(theirs, "u2b")
                assert await shown(other) == "u1 a1 u2b"
                await add(tried, "a2")
        assert await shown(session) == "u1 a1 u2b"
        await session.choose((await session.siblings(2))[0])
        assert await shown(session) == "u1 a1 u2 a2"

    async def test_an_attempt_that_is_chosen_while_it_runs_goes_on(
        self, make: MakeLogSession, session: LogSession
    ) -> None:
        """Fails without: log/history/siblings.py, `own` in `_move_to` (the row would be gone) or `RAISE_FLOOR`."""
        other = make(session.session_id)
        await add(session, "u1 a1 u2 a2")
        with pytest.raises(ConflictError):
            async with session.attempt(2) as tried:
                await add(tried, "u2b x")
                await other.choose((await other.siblings(2))[1])
                assert await tried.pop_item() == item("x")
                await add(tried, "a2b")
                assert await shown(tried) == "u1 a1 u2b a2b"
                assert await shown(other) == "u1 a1 u2b x"
        assert await shown(session) == "u1 a1 u2b x"
        assert await currents(session, 2) == [False, True, False]

    async def test_an_attempt_follows_its_branchs_name(self, make: MakeLogSession, session: LogSession) -> None:
        await add(session, "u1 a1")
        await session.branches.create("b", switch=True)
        async with session.attempt(1) as tried:
            await add(tried, "u1b")
            await make(session.session_id).branches.rename("b", "c")
        assert await shown(session) == "u1b"
        assert [branch.name for branch in await session.branches.list() if branch.current] == ["c"]

    @pytest.mark.parametrize("how", ENDINGS)
    async def test_an_attempt_goes_with_its_branch(
        self, make: MakeLogSession, session: LogSession, count_entries: CountEntries | None, how: str
    ) -> None:
        """Fails without: log/history/branches.py, the loop over `going` in `delete_branch`."""
        await add(session, "u1 a1")
        await session.branches.create("other", switch=True)
        calls = [{"type": "function_call", "call_id": f"{n}", "name": "look", "arguments": "{}"} for n in range(2)]
        output = {"type": "function_call_output", "call_id": "1", "output": "."}
        with pytest.raises(ConflictError, match="this attempt has ended"):
            async with session.attempt(1) as tried:
                await tried.add_items([item("u1b"), calls[0], item("u2b"), calls[1], output])
                await tried.repair(apply=True)
                await ENDINGS[how](make(session.session_id))
                with pytest.raises(ConflictError, match="this attempt has ended"):
                    await add(tried, "late")
        expected = "u1 a1" if how == "deleted" else ""
        assert await shown(make(session.session_id)) == expected
        assert count_entries is None or await count_entries(session.session_id) == len(expected.split())

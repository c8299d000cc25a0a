"""Attempts: what others see of one, and what it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions.errors import (
    NothingToRedoError,
    UnknownBranchError,
)
from sessions.testing.attempts.shared import add, currents, fail, shown
from sessions.testing.fixtures import SessionAndClock
from sessions.testing.tree_model import CountEntries, item

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.fixtures import MakeLogSession


async def _summarise(items: list[Any]) -> str:
    return f"{len(items)} items"


class Viewing(SessionAndClock):
    """Readers see the old way until an attempt's block ends."""

    async def test_others_see_the_old_way_until_the_block_ends(self, make: MakeLogSession, session: LogSession) -> None:
        other = make(session.session_id)
        await add(session, "u1 a1 u2 a2 u3 a3")
        async with session.attempt(turn=2) as tried:
            assert type(tried) is type(session)
            assert await shown(tried) == "u1 a1"
            await add(tried, "u2b")
            await add(tried, "a2b")
            assert await shown(tried) == "u1 a1 u2b a2b"
            for reader in (session, other, make(session.session_id)):
                assert await shown(reader) == "u1 a1 u2 a2 u3 a3"
            assert [(branch.name, branch.items) for branch in await other.branches.list()] == [("main", 6)]
        for reader in (session, other, make(session.session_id)):
            assert await shown(reader) == "u1 a1 u2b a2b"
        assert await currents(session, 2) == [False, True]
        await session.choose((await session.siblings(2))[0])
        assert await shown(other) == "u1 a1 u2 a2 u3 a3"

    async def test_going_on_from_the_end_leaves_no_sibling(self, session: LogSession) -> None:
        async with session.attempt() as tried:
            await add(tried, "u1 a1")
            assert await shown(session) == ""
        async with session.attempt() as tried:
            await add(tried, "a1b u2")
        assert await shown(session) == "u1 a1 a1b u2"
        assert [await currents(session, turn) for turn in (1, 2)] == [[True], [True]]
        with pytest.raises(NothingToRedoError):
            await session.redo()

    async def test_a_watcher_is_told_of_the_way_when_it_is_the_branchs(self, session: LogSession) -> None:
        await add(session, "u1 a1")
        version = await session.version()
        async with session.attempt(turn=1) as tried:
            await add(tried, "u1b")
            changes = session.watch(after=version)
            assert [(change := await anext(changes)).kind for _ in range(2)] == ["attempt_begun", "appended"]
            assert (change.branch, change.items) == (None, [item("u1b")])
        assert (await anext(changes)).kind == "attempt_chosen"
        await fail(session, "u1c", turn=1)
        await fail(session, "u1d", turn=1, on_failure="drop")
        assert [(await anext(changes)).kind for _ in range(5)] == [
            "attempt_begun", "appended", "attempt_kept", "attempt_begun", "attempt_dropped",
        ]  # fmt: skip
        await changes.aclose()

    async def test_an_attempt_of_an_object_that_stays_on_a_branch(self, session: LogSession) -> None:
        await add(session, "u1 a1")
        await session.branches.create("b")
        async with session.on_branch("b").attempt(1) as tried:
            await add(tried, "u1b")
        assert await shown(session) == "u1 a1"
        assert await shown(session.on_branch("b")) == "u1b"
        with pytest.raises(UnknownBranchError):
            await session.on_branch("c").attempt().__aenter__()

    async def test_everything_that_a_run_does_can_be_done(self, session: LogSession) -> None:
        await add(session, "u1 a1 u2 a2")
        call = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}
        async with session.as_author("me").attempt(2) as tried:
            await tried.add_items([item("u2b")], idempotency_key="k")
            await tried.add_items([item("u2b")], idempotency_key="k")
            await tried.handover("billing", note="angry")
            await tried.add_items([call])
            await tried.repair(apply=True)
            assert await tried.pop_item() is not None
            await tried.compact(_summarise, keep_turns=1)
            await tried.usage.record(input_tokens=3)
            assert [turn.number for turn in await tried.turns()] == [1, 2]
            assert [sibling.current for sibling in await tried.siblings(2)] == [False, True]
            assert await tried.window(10)
            seen = await tried.get_items()
            entries = await tried.entries()
        assert entries[-1].kind == "summary"
        assert {entry.author for entry in entries if entry.turn == 2 and entry.kind == "user"} == {"me"}
        assert (await session.get_items(), await session.entries()) == (seen, entries)
        assert (await session.usage.total()).input_tokens == 3

    async def test_an_attempt_that_adds_nothing_is_a_rewind(
        self, session: LogSession, count_entries: CountEntries | None
    ) -> None:
        async with session.attempt():
            pass
        await add(session, "u1 a1 u2 a2")
        async with session.attempt():
            pass
        assert await shown(session) == "u1 a1 u2 a2"
        async with session.attempt(2):
            pass
        assert await shown(session) == "u1 a1"
        assert len(await session.redo()) == 2
        async with session.attempt() as tried:
            await tried.pop_item()
        assert await shown(session) == "u1 a1 u2"
        assert count_entries is None or await count_entries(session.session_id) == 3

    @pytest.mark.parametrize(("turn", "left", "kept"), [(None, "u1 a1", 2), (2, "u1", 4)])
    async def test_what_is_popped_in_an_attempt_does_not_come_back(
        self, session: LogSession, count_entries: CountEntries | None, turn: int | None, left: str, kept: int
    ) -> None:
        """As after `pop_item` on the branch. Fails without: log/history/attempt.py, `popped`."""
        await add(session, "u1 a1 u2 a2")
        if turn is None:
            await add(session, "u3 a3")
            await session.undo()
        async with session.attempt(turn) as tried:
            await tried.pop_item()
            if turn is None:
                await tried.pop_item()
        assert await shown(session) == left
        with pytest.raises(NothingToRedoError):
            await session.redo()
        assert count_entries is None or await count_entries(session.session_id) == kept
        assert not any(way.undone for way in await session.ways_on())
        await add(session, "u4")
        assert await shown(session) == f"{left} u4"

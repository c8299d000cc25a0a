"""Histories: making, naming, switching, comparing and deleting branches."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sessions.errors import (
    BranchExistsError,
    BranchInUseError,
    TurnNotFoundError,
    UnknownBranchError,
)
from sessions.testing.fixtures import SessionAndClock
from sessions.testing.history.shared import fill, said
from sessions.testing.tree_model import CountEntries, item

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from sessions.session.base import LogSession
    from sessions.testing.fixtures import MakeLogSession


class Branching(SessionAndClock):
    """Branches share what they have in common."""

    async def test_the_current_branch_is_stored(self, make: MakeLogSession) -> None:
        await fill(make("stored"), "u1 a1", "u2 a2")
        await make("stored").branches.create("b", turn=2, switch=True)
        await fill(make("stored"), "u2b")
        assert said(await make("stored").get_items()) == "u1 a1 u2b"
        await make("stored").branches.switch("main")
        assert said(await make("stored").get_items()) == "u1 a1 u2 a2"

    async def test_a_switch_does_not_come_between_a_read_and_an_append(self, make: MakeLogSession) -> None:
        run, other = make("following"), make("following")
        await fill(run, "u1 a1")
        await run.branches.create("b")
        await run.get_items()
        await other.branches.switch("b")
        await fill(run, "u2 a2")
        assert said(await run.on_branch("main").get_items()) == "u1 a1 u2 a2"
        assert said(await run.get_items()) == "u1 a1"
        await fill(run, "u2b")
        assert said(await run.on_branch("b").get_items()) == "u1 a1 u2b"

    async def test_several_agents_on_several_branches(self, session: LogSession) -> None:
        await fill(session, "u0 a0")
        names = [f"b{number}" for number in range(8)]
        for name in names:
            await session.branches.create(name)

        async def converse(name: str) -> None:
            pinned = session.on_branch(name)
            for turn in range(5):
                await pinned.add_items([item(f"u{name}{turn}"), item(f"a{name}{turn}")])
                await pinned.get_items(1)

        await asyncio.gather(*map(converse, names))
        for name in names:
            expected = "u0 a0 " + " ".join(f"u{name}{turn} a{name}{turn}" for turn in range(5))
            assert said(await session.on_branch(name).get_items()) == expected
        assert said(await session.get_items()) == "u0 a0"

    async def test_a_hundred_branches_store_each_item_once(
        self, session: LogSession, count_entries: CountEntries | None
    ) -> None:
        await fill(session, *(f"u{turn} a{turn}" for turn in range(10)))
        for number in range(100):
            await session.branches.create(f"b{number}", turn=number % 10 + 1)
        assert [branch.items for branch in await session.branches.list()] == [20, *(n % 10 * 2 for n in range(100))]
        if count_entries:
            assert await count_entries(session.session_id) == 20

    async def test_places_to_fork_at(self, session: LogSession) -> None:
        await fill(session, "a0", "u1 a1", "u2 a2")
        places: list[tuple[dict[str, Any], str]] = [
            ({}, "a0 u1 a1 u2 a2"), ({"turn": 1}, "a0"), ({"turn": 2}, "a0 u1 a1"), ({"position": 0}, ""),
            ({"position": 2}, "a0 u1"), ({"matching": "U2"}, "a0 u1 a1"), ({"source": "0"}, "a0 u1 a1 u2 a2"),
        ]  # fmt: skip
        for number, (place, expected) in enumerate(places):
            created = await session.branches.create(str(number), **place)
            assert said(await session.on_branch(str(number)).get_items()) == expected
            assert created.items == len(expected.split())
        assert (await session.branches.list())[-1].lineage == ("main", "0")

    @pytest.mark.parametrize("place", [{"turn": 3}, {"position": 5}, {"matching": "a1"}])
    async def test_places_that_are_not_there(self, session: LogSession, place: dict[str, Any]) -> None:
        await fill(session, "u1 a1", "u2 a2")
        with pytest.raises(TurnNotFoundError, match=r"main.*Nothing was changed"):
            await session.branches.create("b", **place)
        assert [branch.name for branch in await session.branches.list()] == ["main"]

    async def test_names(self, session: LogSession) -> None:
        await fill(session, "u1 a1")
        for name in ("a", "A", "á", "a b", "x'; drop table"):
            await session.branches.create(name)
            await fill(session.on_branch(name), f"u{name.replace(' ', '')}")
        with pytest.raises(BranchExistsError):
            await session.branches.create("A")
        with pytest.raises(BranchExistsError):
            await session.branches.create("main")
        with pytest.raises(BranchExistsError):
            await session.branches.rename("a", "A")
        await session.branches.rename("a", "new")
        await session.branches.create("a")
        assert said(await session.on_branch("a").get_items()) == "u1 a1"
        assert said(await session.on_branch("new").get_items()) == "u1 a1 ua"
        for bad in ("", " ", "a\nb", "\x01", "n" * 256):
            with pytest.raises(ValueError, match="name"):
                await session.branches.create(bad)

    async def test_unknown_branches(self, session: LogSession) -> None:
        await fill(session, "u1 a1")
        branches, lost = session.branches, session.on_branch("b")
        operations: list[Coroutine[Any, Any, Any]] = [
            branches.switch("b"), branches.delete("b"), branches.rename("b", "c"), branches.compare("main", "b"),
            branches.create("c", source="b"), lost.get_items(), lost.add_items([item("u2")]), lost.pop_item(),
            lost.undo(), lost.redo(), lost.turns(), lost.get_turn(1), lost.siblings(),
        ]  # fmt: skip
        for operation in operations:
            with pytest.raises(UnknownBranchError, match="'main'") as caught:
                await operation
            assert isinstance(caught.value, ValueError)
        assert said(await session.get_items()) == "u1 a1"
        assert [branch.name for branch in await branches.list()] == ["main"]

    async def test_deleting(self, session: LogSession, count_entries: CountEntries | None) -> None:
        await fill(session, "u1 a1", "u2 a2")
        await session.branches.create("b", turn=2, switch=True)
        await fill(session, "u2b a2b")
        await session.branches.create("c")
        with pytest.raises(BranchInUseError, match="force"):
            await session.branches.delete("b")
        with pytest.raises(BranchInUseError, match="main"):
            await session.branches.delete("main", force=True)
        await session.branches.delete("b", force=True)
        assert said(await session.get_items()) == "u1 a1 u2 a2"
        assert said(await session.on_branch("c").get_items()) == "u1 a1 u2b a2b"
        assert [(b.name, b.lineage, b.fork_turn) for b in await session.branches.list()] == [
            ("main", (), None), ("c", ("main",), 1),
        ]  # fmt: skip
        await session.branches.delete("c")
        if count_entries:
            assert await count_entries(session.session_id) == 4

    async def test_comparing(self, session: LogSession) -> None:
        await fill(session, "u1 a1", "u2 a2")
        await session.branches.create("b", turn=2)
        await fill(session.on_branch("b"), "u2b")
        compared = await session.branches.compare("main", "b")
        assert (said(compared.common), said(compared.first), said(compared.second)) == ("u1 a1", "u2 a2", "u2b")
        assert compared.position == 2
        same = await session.branches.compare("main", "main")
        assert (len(same.common), same.first, same.second) == (4, [], [])

"""Histories: siblings, and choosing one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions.errors import (
    BranchInUseError,
    NothingToRedoError,
    TurnNotFoundError,
)
from sessions.testing.fixtures import SessionAndClock
from sessions.testing.history.shared import fill, said

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.fixtures import MakeLogSession


class Siblings(SessionAndClock):
    """Each way that a branch left stays reachable."""

    async def test_edit_keeps_the_old_way_reachable(self, make: MakeLogSession) -> None:
        await fill(make("edit"), "u1 a1", "u2 a2", "u3 a3")
        for texts in ("u2b a2b", "u2c a2c u3c"):
            session = make("edit")
            await session.undo(2 if texts == "u2b a2b" else 1)
            await fill(session, texts)
        session = make("edit")
        assert [(s.number, s.count, s.current) for s in await session.siblings(2)] == [
            (1, 3, False), (2, 3, False), (3, 3, True),
        ]  # fmt: skip
        assert [(s.number, s.count) for s in await session.siblings(1)] == [(1, 1)]
        for number, path in ((0, "u2 a2 u3 a3"), (1, "u2b a2b"), (2, "u2c a2c u3c"), (0, "u2 a2 u3 a3")):
            await make("edit").choose((await make("edit").siblings(2))[number])
            assert said(await make("edit").get_items()) == f"u1 a1 {path}"
            assert [s.current for s in await make("edit").siblings(2)].index(True) == number

    async def test_a_regenerated_answer_is_a_sibling(self, session: LogSession) -> None:
        await fill(session, "u1 a1", "u2 a2")
        await session.branches.create("again", position=3, switch=True)
        await fill(session, "a2b")
        siblings = await session.siblings()
        assert [(s.branch, s.current) for s in siblings] == [("main", False), ("again", True)]
        await session.choose(siblings[0])
        assert said(await session.get_items()) == "u1 a1 u2 a2"
        assert [branch.name for branch in await session.branches.list() if branch.current] == ["main"]

    async def test_a_way_is_entered_where_it_was_left(self, session: LogSession) -> None:
        await fill(session, "u1 a1", "u2 a2")
        await session.undo(2)
        await fill(session, "u1b a1b")
        await session.choose((await session.siblings(1))[0])
        await fill(session, "u3 a3")
        await session.choose((await session.siblings(1))[1])
        await session.choose((await session.siblings(1))[0])
        assert said(await session.get_items()) == "u1 a1 u2 a2 u3 a3"

    async def test_choosing_ends_redo_and_loses_nothing(self, session: LogSession) -> None:
        await fill(session, "u1 a1", "u2 a2", "u3 a3")
        await session.undo(2)
        await fill(session, "u2b a2b", "u3b a3b")
        await session.undo()
        await session.choose((await session.siblings(2))[0])
        assert said(await session.get_items()) == "u1 a1 u2 a2 u3 a3"
        with pytest.raises(NothingToRedoError):
            await session.redo()
        await session.choose((await session.siblings(2))[1])
        assert said(await session.get_items()) == "u1 a1 u2b a2b u3b a3b"

    async def test_a_sibling_that_is_gone(self, session: LogSession) -> None:
        await fill(session, "u1 a1")
        await session.branches.create("b", turn=1)
        await fill(session.on_branch("b"), "u1b")
        gone = (await session.siblings(1))[1]
        await session.branches.delete("b")
        with pytest.raises(TurnNotFoundError, match="List the siblings again"):
            await session.choose(gone)
        assert said(await session.get_items()) == "u1 a1"

    async def test_an_object_that_stays_does_not_choose_another_branch(self, session: LogSession) -> None:
        await fill(session, "u1 a1")
        await session.branches.create("b", turn=1)
        stays = session.on_branch("b")
        await fill(stays, "u1b")
        with pytest.raises(BranchInUseError, match="main"):
            await stays.choose((await stays.siblings(1))[0])

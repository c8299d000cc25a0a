"""Histories: turns, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions.errors import (
    TurnNotFoundError,
)
from sessions.testing.fixtures import SessionAndClock
from sessions.testing.history.shared import fill, said

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.types import Turn


class Turns(SessionAndClock):
    """Turns are numbered along a branch."""

    async def test_turns_and_pages(self, session: LogSession) -> None:
        assert await session.turns() == []
        await fill(session, "a0 a0b", "u1 a1", "u2 a2 a2b", "u3")
        await session.branches.create("b", turn=3, switch=True)
        await fill(session, "u4 a4", "u5")
        turns = await session.turns()
        assert [(turn.number, said(turn.items)) for turn in turns] == [
            (0, "a0 a0b"), (1, "u1 a1"), (2, "u2 a2 a2b"), (3, "u4 a4"), (4, "u5"),
        ]  # fmt: skip
        assert [turn.number for turn in await session.turns(2)] == [3, 4]
        forward: list[Turn] = []
        backward: list[Turn] = []
        page = await session.turns(2)
        while page:
            backward[:0] = page
            page = await session.turns(2, before=page[0].position)
        page = await session.turns(2, after=0)
        while page:
            forward += page
            page = await session.turns(2, after=page[-1].last_position)
        assert forward == backward == turns
        for turn in turns:
            assert await session.get_turn(turn.number) == turn
        assert await session.on_branch("b").turns() == turns

    async def test_turns_that_are_not_there(self, session: LogSession) -> None:
        await fill(session, "u1 a1", "u2")
        for number in (0, 3):
            with pytest.raises(TurnNotFoundError, match="turns 1 to 2"):
                await session.get_turn(number)
        with pytest.raises(TurnNotFoundError):
            await session.siblings(3)

    @pytest.mark.parametrize("bad", ["1", 1.0, True, -1])
    async def test_numbers_that_are_none(self, session: LogSession, bad: Any) -> None:
        await fill(session, "u1 a1")
        for operation in (
            session.undo(bad), session.siblings(bad), session.get_turn(bad), session.turns(bad),
            session.turns(before=bad), session.turns(after=bad), session.branches.create("b", turn=bad),
            session.branches.create("b", position=bad),
        ):  # fmt: skip
            with pytest.raises((TypeError, ValueError)):
                await operation
        assert said(await session.get_items()) == "u1 a1"

"""Histories: undo and redo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions.errors import (
    NothingToRedoError,
    TurnNotFoundError,
)
from sessions.testing.fixtures import SessionAndClock
from sessions.testing.history.shared import fill, said

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.fixtures import MakeLogSession


class Undoing(SessionAndClock):
    """Undo goes back by turns, and redo reverts it."""

    async def test_undo_and_redo(self, session: LogSession) -> None:
        await fill(session, "a0", "u1 a1", "u2 a2", "u3 a3")
        assert said(await session.undo()) == "u3 a3"
        assert said(await session.undo(2)) == "u1 a1 u2 a2"
        assert said(await session.get_items()) == "a0"
        assert said(await session.redo()) == "u1 a1 u2 a2"
        assert said(await session.redo()) == "u3 a3"
        assert said(await session.get_items()) == "a0 u1 a1 u2 a2 u3 a3"
        with pytest.raises(NothingToRedoError):
            await session.redo()

    async def test_a_new_object_finds_what_was_undone(self, make: MakeLogSession) -> None:
        await fill(make("undone"), "u1 a1", "u2 a2")
        await make("undone").undo()
        assert said(await make("undone").get_items()) == "u1 a1"
        assert said(await make("undone").redo()) == "u2 a2"

    @pytest.mark.parametrize("change", ["add", "pop", "clear"])
    async def test_a_change_ends_redo(self, session: LogSession, change: str) -> None:
        await fill(session, "u1 a1", "u2 a2")
        await session.undo()
        await {"add": lambda: fill(session, "u3"), "pop": session.pop_item, "clear": session.clear_session}[change]()
        with pytest.raises(NothingToRedoError):
            await session.redo()

    async def test_an_append_of_nothing_does_not_end_redo(self, session: LogSession) -> None:
        await fill(session, "u1 a1")
        await session.undo()
        await session.add_items([])
        assert said(await session.redo()) == "u1 a1"

    async def test_more_turns_than_there_are(self, session: LogSession) -> None:
        with pytest.raises(TurnNotFoundError, match="branch 'main' has none"):
            await session.undo()
        await fill(session, "u1 a1", "u2 a2")
        with pytest.raises(TurnNotFoundError, match="has only 2"):
            await session.undo(3)
        assert said(await session.get_items()) == "u1 a1 u2 a2"

"""Histories: cancelled changes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from sessions.testing.fixtures import SessionAndClock
from sessions.testing.history.shared import fill, said

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from sessions.session.base import LogSession
    from sessions.testing.fixtures import MakeLogSession


class Cancelling(SessionAndClock):
    """A cancelled change has happened wholly or not at all."""

    @pytest.mark.parametrize("operation", ["undo", "redo", "create", "switch", "delete"])
    async def test_a_cancelled_change_has_happened_wholly_or_not_at_all(
        self, make: MakeLogSession, operation: str
    ) -> None:
        states, late = [], 0
        for steps in range(50):
            if late == 3:
                break  # Later than the end, all are alike.
            session = make(f"cancelled {operation} {steps}")
            await fill(session, "u1 a1", "u2 a2")
            await session.branches.create("b", turn=2)
            await session.undo()
            changes: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
                "undo": session.undo,
                "redo": session.redo,
                "create": partial(session.branches.create, "c", switch=True),
                "switch": partial(session.branches.switch, "b"),
                "delete": partial(session.branches.delete, "b"),
            }
            task = asyncio.ensure_future(changes[operation]())
            for _ in range(steps):
                await asyncio.sleep(0)
            late = late + 1 if task.done() else 0
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            fresh = make(f"cancelled {operation} {steps}")
            state = await self._state(fresh)
            before = (["main", "b"], "main", "u1 a1", 1)
            after = {
                "undo": (["main", "b"], "main", "", 2), "redo": (["main", "b"], "main", "u1 a1 u2 a2", 0),
                "create": (["main", "b", "c"], "c", "u1 a1", 0), "switch": (["main", "b"], "b", "u1 a1", 0),
                "delete": (["main"], "main", "u1 a1", 1),
            }  # fmt: skip
            assert state in (before, after[operation])
            # It is decided by now: nothing comes later.
            assert await self._state(fresh) == state
            states.append(state)
        assert states[0] == before

    @staticmethod
    async def _state(session: LogSession) -> tuple[list[str], str, str, int]:
        listed = await session.branches.list()
        (current,) = (branch for branch in listed if branch.current)
        names = [branch.name for branch in listed]
        return names, current.name, said(await session.get_items()), current.redoable

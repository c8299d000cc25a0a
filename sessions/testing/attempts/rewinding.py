"""`rewind`, and turns that cannot be gone back to."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from sessions.errors import (
    TurnNotFoundError,
)
from sessions.testing.attempts.shared import add, currents, shown
from sessions.testing.fixtures import SessionAndClock
from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.expiry_model import MovableClock


class Rewinding(SessionAndClock):
    """`rewind` goes before a turn by its number."""

    async def test_rewind_goes_before_a_turn_and_redo_comes_back(self, session: LogSession) -> None:
        await add(session, "a0 u1 a1 u2 a2 u3 a3")
        assert [found["content"] for found in await session.rewind(2)] == ["u2", "a2", "u3", "a3"]
        assert await shown(session) == "a0 u1 a1"
        with pytest.raises(TurnNotFoundError, match="turn 2"):
            await session.rewind(turn=2)
        assert len(await session.redo()) == 4
        await session.rewind(1)
        assert await shown(session) == "a0"
        await add(session, "u1b")
        assert await currents(session, 1) == [False, True]

    async def test_rewind_counts_turns_that_have_expired(self, session: LogSession, time: MovableClock) -> None:
        await add(session, "u1 a1")
        await session.add_items([item("u2"), item("a2")], ttl=10)
        await add(session, "u3 a3")
        time.move(11)
        for refused in (session.rewind(2), session.attempt(2).__aenter__()):
            with pytest.raises(TurnNotFoundError, match="expired"):
                await refused
        assert [found["content"] for found in await session.rewind(3)] == ["u3", "a3"]

    @pytest.mark.parametrize("bad", ["1", 1.0, True, 0, -1])
    async def test_turns_that_are_none(self, session: LogSession, bad: Any) -> None:
        await add(session, "u1 a1")
        for operation in (partial(session.rewind, bad), partial(session.attempt, bad)):
            with pytest.raises((TypeError, ValueError)):
                await operation()  # type: ignore[misc]
        wrong: Any
        for wrong in ("forget", ["keep"]):
            with pytest.raises(ValueError, match="on_failure"):
                session.attempt(on_failure=wrong)
        assert await shown(session) == "u1 a1"

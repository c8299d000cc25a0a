"""Attempts: what their sessions cannot do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions.errors import (
    InAttemptError,
)
from sessions.testing.attempts.shared import add, shown
from sessions.testing.fixtures import SessionAndClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessions.session.base import LogSession

NOT_IN_AN_ATTEMPT: dict[str, Callable[[LogSession], Awaitable[Any]]] = {
    "another attempt": lambda tried: tried.attempt().__aenter__(),
    "undo": lambda tried: tried.undo(),
    "redo": lambda tried: tried.redo(),
    "rewind": lambda tried: tried.rewind(1),
    "lease": lambda tried: tried.lease().__aenter__(),
    "clear": lambda tried: tried.clear_session(),
    "create": lambda tried: tried.branches.create("b"),
    "switch": lambda tried: tried.branches.switch("main"),
    "rename": lambda tried: tried.branches.rename("other", "b"),
    "delete": lambda tried: tried.branches.delete("other"),
}


class Refusing(SessionAndClock):
    """What an attempt's session refuses."""

    @pytest.mark.parametrize("change", NOT_IN_AN_ATTEMPT)
    async def test_what_an_attempts_session_cannot_do(self, session: LogSession, change: str) -> None:
        await add(session, "u1 a1 u2 a2")
        await session.branches.create("other")
        async with session.attempt(2) as tried:
            await add(tried, "u2b")
            version = await session.version()
            with pytest.raises(InAttemptError, match=f"{session.session_id}.*Nothing was changed") as caught:
                await NOT_IN_AN_ATTEMPT[change](tried)
            assert isinstance(caught.value, ValueError)
            with pytest.raises(InAttemptError):
                await tried.choose((await tried.siblings(2))[0])
            assert await session.version() == version
            for name in ("main", "other"):
                with pytest.raises(InAttemptError, match="Nothing was changed"):
                    tried.on_branch(name)
        assert await shown(session) == "u1 a1 u2b"

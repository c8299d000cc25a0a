"""Attempts: cancellation."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from sessions.testing.attempts.shared import add, shown
from sessions.testing.fixtures import SessionAndClock

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.attempts.shared import OnFailure
    from sessions.testing.fixtures import MakeLogSession


class Cancelling(SessionAndClock):
    """A cancelled attempt has happened wholly or not at all."""

    @pytest.mark.parametrize("on_failure", ["keep", "drop"])
    async def test_a_cancelled_attempt_has_happened_wholly_or_not_at_all(
        self, make: MakeLogSession, on_failure: OnFailure
    ) -> None:
        """Cancelled twice, after any number of steps."""
        own, outcomes, late = f"{uuid4()}", [], 0

        async def run(session: LogSession) -> None:
            async with session.attempt(1, on_failure=on_failure) as tried:
                await add(tried, "u1b")
                await add(tried, "a1b")

        for steps in range(80):
            if late == 3:
                break
            session = make(f"{steps} {own}")
            await add(session, "u1 a1")
            task = asyncio.ensure_future(run(session))
            for _ in range(steps):
                await asyncio.sleep(0)
            late = late + 1 if task.done() else 0
            task.cancel()
            await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            fresh = make(f"{steps} {own}")
            outcome = await shown(fresh), len(await fresh.siblings(1))
            kept = {("u1 a1", 1), ("u1 a1", 2)} if on_failure == "keep" else {("u1 a1", 1)}
            # The block may have ended before: a late cancellation does not drop its items.
            assert outcome in kept | {("u1 a1", 2), ("u1b a1b", 2)}
            assert [branch.name for branch in await fresh.branches.list()] == ["main"]
            await add(fresh, "u2")
            outcomes.append(outcome)
        assert outcomes[0] == ("u1 a1", 1)

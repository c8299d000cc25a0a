"""Attempts: idempotency keys are known in an attempt alone until it succeeds."""

# ruff: noqa: PT012 - the end of a block raises.

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions.errors import (
    ConflictError,
    IdempotencyKeyReusedError,
)
from sessions.testing.attempts.shared import ProviderError, add, shown
from sessions.testing.fixtures import SessionAndClock
from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.fixtures import MakeLogSession


class Keys(SessionAndClock):
    """What a retry finds of an attempt's idempotency keys."""

    @pytest.mark.parametrize("how", ["keep", "drop", "conflict", "lost"])
    async def test_idempotency_keys_of_an_attempt_that_failed_are_new(
        self, make: MakeLogSession, session: LogSession, how: str
    ) -> None:
        """A retry of the whole request adds the message again, also with another text, and only once."""
        other = make(session.session_id)
        await add(session, "u1 a1")
        await session.add_items([item("u2")], idempotency_key="before")
        with pytest.raises((ProviderError, ConflictError)):
            async with session.attempt(on_failure="drop" if how == "drop" else "keep") as tried:
                for text in ("u3", "u4"):
                    await tried.add_items([item(text)], idempotency_key=text)
                await tried.add_items([], idempotency_key="nothing")
                await tried.add_items([item("u3")], idempotency_key="u3")
                await tried.add_items([item("u2")], idempotency_key="before")
                assert await shown(tried) == "u1 a1 u2 u3 u4"
                await tried.pop_item()
                await tried.add_items([item("u4")], idempotency_key="u4")
                assert await shown(tried) == "u1 a1 u2 u3"
                if how == "conflict":
                    await add(other, "u3b")
                elif how == "lost":
                    await other.undo()
                else:
                    raise ProviderError
        if how == "lost":
            await other.redo()
        before = await shown(session)
        for retry in (session, other):
            for text, key in (("u3c", "u3"), ("u4", "u4"), ("u2", "before"), ("u5", "nothing")):
                await retry.add_items([item(text)], idempotency_key=key)
        assert await shown(session) == f"{before} u3c u4 u5"

    @pytest.mark.parametrize("turn", [None, 1, 2])
    async def test_idempotency_keys_of_an_attempt_that_was_chosen_stay_known(
        self, make: MakeLogSession, session: LogSession, turn: int | None
    ) -> None:
        await add(session, "u1 a1 u2 a2")
        async with session.attempt(turn) as tried:
            await tried.add_items([item("u3")], idempotency_key="k")
        async with session.attempt() as tried:
            await tried.add_items([item("u4")], idempotency_key="popped")
            await tried.pop_item()
        before = await shown(session)
        assert before.endswith("u3")
        async with session.attempt() as tried:
            await tried.add_items([item("u3")], idempotency_key="k")
        await session.add_items([item("u4")], idempotency_key="popped")
        await make(session.session_id).add_items([item("u3")], idempotency_key="k")
        assert await shown(session) == before
        with pytest.raises(IdempotencyKeyReusedError):
            await session.add_items([item("other")], idempotency_key="k")

    @pytest.mark.parametrize("where", ["branch", "attempt"])
    async def test_a_retry_beside_an_attempt_whose_process_was_killed(
        self, make: MakeLogSession, session: LogSession, where: str
    ) -> None:
        """Nobody ends the attempt: its keys are known in it alone. Here, it goes on later."""
        retry = make(session.session_id)
        await add(session, "u1 a1")
        with pytest.raises(ConflictError):
            async with session.attempt() as killed:
                await killed.add_items([item("u2")], idempotency_key="k")
                await killed.add_items([item("u2")], idempotency_key="k")
                if where == "branch":
                    await retry.add_items([item("u2")], idempotency_key="k")
                else:
                    async with retry.attempt() as tried:
                        await tried.add_items([item("u2")], idempotency_key="k")
                        await add(tried, "a2")
                expected = await shown(retry)
                assert expected == ("u1 a1 u2" if where == "branch" else "u1 a1 u2 a2")
                await retry.add_items([item("u2")], idempotency_key="k")
        await retry.add_items([item("u2")], idempotency_key="k")
        assert await shown(retry) == expected

    async def test_keys_of_an_attempt_that_is_chosen_while_it_runs(
        self, make: MakeLogSession, session: LogSession
    ) -> None:
        """Fails without: log/history/siblings.py, `SHARE_ATTEMPTS_KEYS`."""
        other = make(session.session_id)
        await add(session, "u1 a1")
        with pytest.raises(ConflictError):
            async with session.attempt(1) as tried:
                await tried.add_items([item("u1b")], idempotency_key="chosen")
                await other.choose((await other.siblings(1))[1])
                await tried.add_items([item("late")], idempotency_key="late")
        await other.add_items([item("u1b")], idempotency_key="chosen")
        assert await shown(other) == "u1b"
        await other.add_items([item("late")], idempotency_key="late")
        assert await shown(other) == "u1b late"

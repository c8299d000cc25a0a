"""Attempts: the effects of a block that raises."""

# ruff: noqa: PT012 - the end of a block raises.

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from sessions.errors import (
    ConflictError,
)
from sessions.testing.attempts.shared import ProviderError, add, currents, fail, shown
from sessions.testing.fixtures import SessionAndClock
from sessions.testing.tree_model import CountEntries, item

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.attempts.shared import OnFailure


class Failing(SessionAndClock):
    """A block that raises leaves the old way in view."""

    @pytest.mark.parametrize("turn", [None, 1, 2])
    @pytest.mark.parametrize("on_failure", ["keep", "drop"])
    async def test_a_block_that_raises_leaves_the_old_way(
        self, session: LogSession, count_entries: CountEntries | None, turn: int | None, on_failure: OnFailure
    ) -> None:
        await add(session, "u1 a1 u2 a2")
        await fail(session, "u9 a9", turn=turn, on_failure=on_failure)
        assert await shown(session) == "u1 a1 u2 a2"
        kept = on_failure == "keep"
        if turn is not None:
            assert await currents(session, turn) == [True, False][: 1 + kept]
        assert count_entries is None or await count_entries(session.session_id) == 4 + 2 * kept
        await add(session, "u3")
        assert await shown(session) == "u1 a1 u2 a2 u3"
        if kept:
            await session.choose((await session.siblings(turn or 3))[turn is not None])
            assert (await shown(session)).endswith("u9 a9")

    async def test_the_cost_of_what_was_dropped_stays_counted(self, session: LogSession) -> None:
        await add(session, "u1 a1")
        with pytest.raises(ProviderError):
            async with session.attempt(1, on_failure="drop") as tried:
                await add(tried, "u1b")
                await tried.usage.record(input_tokens=7)
                raise ProviderError
        assert (await session.usage.total()).input_tokens == 7
        assert [row.usage.input_tokens for row in await session.usage.by("branch")] == [0]

    async def test_edit_fail_and_try_again(self, session: LogSession) -> None:
        await add(session, "u1 a1 u2 a2")
        await fail(session, "u2b", turn=2, on_failure="drop")
        await fail(session, "u2c", turn=2)
        async with session.attempt(turn=2) as tried:
            await add(tried, "u2d a2d")
        assert await shown(session) == "u1 a1 u2d a2d"
        assert await currents(session, 2) == [False, False, True]

    @pytest.mark.parametrize("how", ["committed", "keep", "drop"])
    async def test_nothing_is_added_after_the_end(self, session: LogSession, how: Any) -> None:
        await add(session, "u1 a1")
        with suppress(ProviderError):
            async with session.attempt(1, on_failure="keep" if how == "committed" else how) as tried:
                await add(tried, "u1b")
                if how != "committed":
                    raise ProviderError
        before = await session.version(), await shown(session)
        for change in (tried.get_items, tried.pop_item, partial(add, tried, "late"), partial(tried.handover, "b")):
            with pytest.raises(ConflictError, match="this attempt has ended"):
                await change()
        with pytest.raises(ConflictError):
            await tried.add_items([item("late")], idempotency_key="late")
        assert (await session.version(), await shown(session)) == before

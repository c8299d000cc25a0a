"""Interruptions: attempts that are cancelled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

import pytest

from sessions.testing.interruptions.cancel import WAYS, cycles
from sessions.testing.interruptions.shared import HANGS_AFTER
from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.fixtures import MakeLogSession


class Trying:
    """A cancelled attempt is the branch's way, or beside it."""

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("on_failure", ["keep", "drop"])
    async def test_an_attempt_that_is_cancelled_in_its_block_leaves_the_old_way(
        self, make: MakeLogSession, way: str, on_failure: Literal["keep", "drop"]
    ) -> None:
        """Fails without: session/attempts.py, `settle` in `end` (what is to be dropped would stay)."""
        session_id = f"{uuid4()}"
        session = make(session_id)
        await session.add_items([item("u1"), item("a1")])

        async def attempt() -> None:
            async with session.attempt(1, on_failure=on_failure) as tried:
                await tried.add_items([item("u1b")])
                added.set()
                await asyncio.sleep(HANGS_AFTER)

        for number in range(3):
            added = asyncio.Event()
            assert await WAYS[way](attempt, cycles(number, added))
            fresh = make(session_id)
            assert await fresh.get_items() == [item("u1"), item("a1")]
            kept = [True] + [False] * (number + 1 if on_failure == "keep" else 0)
            assert [sibling.current for sibling in await fresh.siblings(1)] == kept

    @pytest.mark.parametrize("way", WAYS)
    async def test_an_attempt_that_is_cancelled_at_its_end_is_the_branchs_or_beside_it(
        self, make: MakeLogSession, way: str
    ) -> None:
        old, new = [item("u1"), item("a1")], [item("u1b")]
        for steps in (0, 1, 2, 3, 5, 8, 13):
            session_id = f"{uuid4()}"
            session = make(session_id)
            await session.add_items(old)
            written = asyncio.Event()

            async def attempt(session: LogSession = session, written: asyncio.Event = written) -> None:
                async with session.attempt(1, on_failure="drop") as tried:
                    await tried.add_items(new)
                    written.set()

            await WAYS[way](attempt, cycles(steps, written))
            fresh = make(session_id)
            found = await fresh.get_items()
            assert found in (old, new)
            # Its block had ended, so that nothing of it is dropped.
            assert [sibling.current for sibling in await fresh.siblings(1)] == [found == old, found == new]
            await fresh.add_items([item("u2")])

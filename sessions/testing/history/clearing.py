"""Histories: an object on a branch that another object removed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from sessions.errors import (
    SummaryError,
    UnknownBranchError,
)
from sessions.testing.fixtures import SessionAndClock
from sessions.testing.history.shared import fill, said
from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessions.session.base import LogSession
    from sessions.testing.fixtures import MakeLogSession


async def _refused(change: Awaitable[object], error: type[Exception]) -> None:
    with pytest.raises(error):
        await change


AFTER_CLEARING: dict[str, Callable[[LogSession], Awaitable[object]]] = {
    "add": lambda session: session.add_items([item("u5")]),
    "add with a key": lambda session: session.add_items([item("u5")], idempotency_key="key"),
    "pop": lambda session: session.pop_item(),
    "undo": lambda session: session.undo(),
    "redo": lambda session: session.redo(),
    "branch": lambda session: session.branches.create("another"),
    "siblings": lambda session: session.siblings(),
    "handover": lambda session: session.handover("somebody"),
    "usage": lambda session: session.usage.record(input_tokens=1),
    "repair": lambda session: session.repair(apply=True),
    "expand": lambda session: _refused(session.undo_compaction(), SummaryError),
}
"""Changes by an object on a branch that went when another one cleared the session; ``main`` has something again."""


class Clearing(SessionAndClock):
    """Objects go on after another one has cleared the session, or are told that their branch is gone."""

    @pytest.mark.parametrize("change", AFTER_CLEARING)
    async def test_an_object_goes_on_after_another_one_cleared(self, make: MakeLogSession, change: str) -> None:
        session_id = f"session-{uuid4()}"
        session, other = make(session_id), make(session_id)
        await fill(session, "u1 a1", "u2 a2")
        await session.branches.create("branch", switch=True)
        await other.clear_session()
        await fill(other, "u3 a3", "u4 a4")
        await other.undo()
        await AFTER_CLEARING[change](session)
        assert [branch.name for branch in await other.branches.list() if branch.current] == ["main"]
        await session.add_items([item("a5")])
        assert (await other.get_items())[-1] == item("a5")

    async def test_an_object_goes_on_after_the_session_was_cleared_and_left(self, make: MakeLogSession) -> None:
        session_id = f"session-{uuid4()}"
        session, other = make(session_id), make(session_id)
        await fill(session, "u1 a1")
        await session.branches.create("branch", switch=True)
        await other.clear_session()
        for number in range(2):
            await session.add_items([item(f"u{number}")])
        assert await session.pop_item() == item("u1")
        assert said(await other.get_items()) == "u0"

    async def test_a_branch_that_never_was_does_not_lead_an_object_astray(self, make: MakeLogSession) -> None:
        """Fails without: log/core/cleared.py, `branch != MAIN` in `was_cleared_away`."""
        session_id = f"session-{uuid4()}"
        session, other = make(session_id), make(session_id)
        await session.get_items()
        await _refused(session.branches.delete("b"), UnknownBranchError)
        await other.branches.create("a", switch=True)
        await session.add_items([item("u1")])
        assert said(await session.on_branch("main").get_items()) == "u1"

    @pytest.mark.parametrize("how", ["deleted", "renamed"])
    async def test_an_object_is_not_led_into_another_branch_of_the_same_name(
        self, make: MakeLogSession, how: str
    ) -> None:
        """Fails without: log/core/heads.py, `if number_of(branch) not in` in `find_head`."""
        session_id = f"session-{uuid4()}"
        other = make(session_id)
        await fill(other, "u1")
        await other.branches.create("draft", switch=True)
        followed, pinned, only_adds = make(session_id), *(make(session_id).on_branch("draft") for _ in range(2))
        for session in (followed, pinned):
            await session.get_items()
        await only_adds.add_items([item("old")])
        await other.branches.switch("main")
        if how == "deleted":
            await other.branches.delete("draft")
            await other.branches.create("draft")
        else:
            await other.branches.create("new")
            await other.branches.rename("draft", "old")
            await other.branches.rename("new", "draft")
        version = await other.version()
        for session in (followed, pinned, only_adds):
            for change in (partial(session.add_items, [item("lost")]), session.pop_item, session.undo):
                await _refused(change(), UnknownBranchError)
        assert await other.version() == version
        assert said(await make(session_id).on_branch("draft").get_items()) == "u1"
        for session in (pinned, only_adds):
            await _refused(session.get_items(), UnknownBranchError)
        # An object that only follows continues with the current branch once it has read.
        assert said(await followed.get_items()) == "u1"
        await followed.add_items([item("u2")])
        assert said(await other.get_items()) == "u1 u2"

    async def test_an_object_whose_branch_was_deleted_is_told_so(self, make: MakeLogSession) -> None:
        session_id = f"session-{uuid4()}"
        session, other = make(session_id), make(session_id)
        await fill(session, "u1 a1")
        await other.clear_session()
        await fill(other, "u1 a1")
        await session.get_items()
        await session.branches.create("branch", switch=True)
        await other.branches.delete("branch", force=True)
        for change in (session.add_items([item("a2")]), session.pop_item(), session.undo()):
            with pytest.raises(UnknownBranchError):
                await change
        pinned = session.on_branch("main")
        await other.clear_session()
        await pinned.add_items([item("u1")])
        with pytest.raises(UnknownBranchError):
            await session.on_branch("branch").add_items([item("u2")])

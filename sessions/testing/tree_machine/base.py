"""The state of the machine that compares histories with the model, and what its rules share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from hypothesis.stateful import RuleBasedStateMachine, initialize

from sessions.testing.tree_model import Attempt, CountEntries, Path, TreeModel
from sessions.testing.verified import check_verified

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessions.session.base import LogSession


class TreeRules(RuleBasedStateMachine):
    """The session, the objects on it, and the model."""

    def __init__(self, make: Callable[..., LogSession], count_entries: CountEntries | None) -> None:
        super().__init__()
        self._make = make
        self._count_entries = count_entries
        self._runner = asyncio.Runner()
        self._texts = 0
        self.model = TreeModel()
        # The session's version and the model's state when they were compared last.
        self._compared: object = None

    @initialize()
    def begin(self) -> None:
        self._id = f"tree-{uuid4()}"
        self._sessions = (self._make(self._id), self._make(self._id))
        # The branch that each object read last, to which its changes go.
        self._followed: list[str | None] = [None, None]

    async def _count(self, session_id: str) -> int:
        assert self._count_entries
        return await self._count_entries(session_id)

    def _target(self, which: int, name: str) -> tuple[LogSession, str]:
        """Return an object and the branch to which its changes go: 0 and 1 follow, 2 stays on the named branch."""
        if which < 2:
            return self._sessions[which], self._followed[which] or self.model.current
        return self._sessions[0].on_branch(name), name

    def _changed(self, which: int, name: str) -> tuple[LogSession, str]:
        """Return the same for an operation: an object is on the current branch again once the session was cleared."""
        session, target = self._target(which, name)
        if which < 2 and target not in self.model.branches and not self.model.has_lost_branches:
            self._followed[which] = None
        return session, self._target(which, name)[1]

    def _now_follows(self, which: int, name: str) -> None:
        if which < 2:
            self._followed[which] = name

    def _takes_name(self, name: str) -> None:
        """Note that a branch gets a name: objects that followed an earlier branch of that name do not follow it."""
        self._followed = [f"{one}, gone" if one == name else one for one in self._followed]

    def _refused(self, operation: Awaitable[object], error: type[Exception]) -> None:
        async def run() -> None:
            with pytest.raises(error, match=self._id):
                await operation

        self._runner.run(run())

    @staticmethod
    def _texts_of(items: list[Any]) -> Path:
        return tuple(found["content"] for found in items)

    def _attempt(self, number: int) -> Attempt:
        return self.model.attempts[number % len(self.model.attempts)]

    def teardown(self) -> None:
        for attempt in self.model.attempts:
            self._runner.run(attempt.block.__aexit__(RuntimeError, RuntimeError("the test is over"), None))
        self._runner.run(check_verified(self._make(self._id)))
        self._runner.close()

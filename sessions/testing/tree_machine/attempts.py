"""Histories, any sequence: attempts."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from sessions.errors import (
    ConflictError,
    TurnNotFoundError,
    UnknownBranchError,
)
from sessions.testing.tree_machine.base import TreeRules
from sessions.testing.tree_model import NAMES, Attempt, item, starts_of_turns


class Attempts(TreeRules):
    """Attempts begin, write, and end."""

    @precondition(lambda self: len(self.model.attempts) < 3)
    @rule(
        which=st.integers(0, 2),
        name=st.sampled_from(NAMES),
        turn=st.one_of(st.none(), st.integers(1, 4)),
        drop=st.booleans(),
    )
    def begin_attempt(self, which: int, name: str, turn: int | None, *, drop: bool) -> None:
        session, target = self._changed(which, name)
        block = session.attempt(turn, on_failure="drop" if drop else "keep")
        path = self.model.branches.get(target)
        if path is None:
            self._refused(block.__aenter__(), UnknownBranchError)
            return
        starts = starts_of_turns(path)
        if turn is not None and turn > len(starts):
            self._refused(block.__aenter__(), TurnNotFoundError)
            return
        kept = path if turn is None else path[: starts[turn - 1]]
        tried = self._runner.run(block.__aenter__())
        self.model.attempts.append(Attempt(target, path, kept, kept, which, block, tried, drop))

    @precondition(lambda self: self.model.attempts)
    @rule(number=st.integers(0, 2), kinds=st.text("ua", min_size=1, max_size=3))
    def append_in_attempt(self, number: int, kinds: str) -> None:
        attempt = self._attempt(number)
        texts = [f"{kind}{self._texts + number}" for number, kind in enumerate(kinds)]
        self._texts += len(texts)
        adding = attempt.session.add_items([item(text) for text in texts])
        if attempt.owner is None:
            self._refused(adding, ConflictError)
        else:
            self._runner.run(adding)
            attempt.path += tuple(texts)

    @precondition(lambda self: self.model.attempts)
    @rule(number=st.integers(0, 2))
    def pop_in_attempt(self, number: int) -> None:
        attempt = self._attempt(number)
        if attempt.owner is None:
            self._refused(attempt.session.pop_item(), ConflictError)
            return
        popped = self._runner.run(attempt.session.pop_item())
        assert popped == (item(attempt.path[-1]) if attempt.path else None)
        attempt.path = attempt.path[:-1]

    @precondition(lambda self: self.model.attempts)
    @rule(number=st.integers(0, 2), fails=st.booleans())
    def end_attempt(self, number: int, *, fails: bool) -> None:
        attempt = self._attempt(number)
        self.model.attempts.remove(attempt)
        if fails:
            error = RuntimeError("the provider is down")
            assert not self._runner.run(attempt.block.__aexit__(RuntimeError, error, None))
            if not attempt.drop:
                self.model.keep(attempt)
            return
        ending = attempt.block.__aexit__(None, None, None)
        if attempt.owner is None or not self.model.commit(attempt):
            self._refused(ending, ConflictError)
            return
        assert not self._runner.run(ending)
        self._now_follows(attempt.which, attempt.owner)

    @precondition(lambda self: len(self.model.attempts) < 3)
    @rule(name=st.sampled_from(NAMES), data=st.data(), kinds=st.text("ua", max_size=2))
    def pop_in_an_attempt_that_succeeds(self, name: str, data: st.DataObject, kinds: str) -> None:
        """Begin an attempt, pop, perhaps further back than where it began, and end it, which chance seldom does."""
        turns = len(starts_of_turns(self.model.branches.get(name, ())))
        turn = data.draw(st.one_of(st.none(), st.integers(1, turns))) if turns else None
        self.begin_attempt(2, name, turn, drop=False)
        if name in self.model.branches:
            number = len(self.model.attempts) - 1
            for _ in range(data.draw(st.integers(1, 3))):
                self.pop_in_attempt(number)
            if kinds:
                self.append_in_attempt(number, kinds)
            self.end_attempt(number, fails=False)

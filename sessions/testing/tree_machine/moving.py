"""Histories, any sequence: a branch grows and goes back."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from sessions.errors import (
    NothingToRedoError,
    TurnNotFoundError,
    UnknownBranchError,
)
from sessions.testing.tree_machine.base import TreeRules
from sessions.testing.tree_model import NAMES, item, starts_of_turns


class Moving(TreeRules):
    """Append, read, pop, undo, rewind and redo."""

    @rule(which=st.integers(0, 2), name=st.sampled_from(NAMES), kinds=st.text("ua", max_size=4))
    def append(self, which: int, name: str, kinds: str) -> None:
        texts = [f"{kind}{self._texts + number}" for number, kind in enumerate(kinds)]
        self._texts += len(texts)
        session, target = (self._changed if texts else self._target)(which, name)
        adding = session.add_items([item(text) for text in texts])
        if texts and target not in self.model.branches:
            self._refused(adding, UnknownBranchError)
        else:
            self._runner.run(adding)
            if texts:
                self.model.append(target, texts)

    @rule(which=st.integers(0, 1))
    def read(self, which: int) -> None:
        assert (
            self._texts_of(self._runner.run(self._sessions[which].get_items()))
            == self.model.branches[self.model.current]
        )
        self._followed[which] = self.model.current

    @rule(which=st.integers(0, 2), name=st.sampled_from(NAMES))
    def pop(self, which: int, name: str) -> None:
        session, target = self._changed(which, name)
        if target not in self.model.branches:
            self._refused(session.pop_item(), UnknownBranchError)
            return
        path = self.model.branches[target]
        popped = self._runner.run(session.pop_item())
        if not path:
            assert popped is None
            return
        assert popped == item(path[-1])
        self.model.branches[target] = path[:-1]
        self.model.undone.pop(target, None)

    @rule(which=st.integers(0, 2), name=st.sampled_from(NAMES), turns=st.integers(1, 3))
    def undo(self, which: int, name: str, turns: int) -> None:
        session, target = self._changed(which, name)
        path = self.model.branches.get(target)
        if path is None:
            self._refused(session.undo(turns), UnknownBranchError)
            return
        starts = starts_of_turns(path)
        if turns > len(starts):
            self._refused(session.undo(turns), TurnNotFoundError)
            return
        start = starts[len(starts) - turns]
        assert self._texts_of(self._runner.run(session.undo(turns))) == path[start:]
        self.model.rewind(target, path[:start])

    @rule(which=st.integers(0, 2), name=st.sampled_from(NAMES), turn=st.integers(1, 4))
    def rewind(self, which: int, name: str, turn: int) -> None:
        session, target = self._changed(which, name)
        path = self.model.branches.get(target)
        if path is None:
            self._refused(session.rewind(turn), UnknownBranchError)
            return
        starts = starts_of_turns(path)
        if turn > len(starts):
            self._refused(session.rewind(turn), TurnNotFoundError)
            return
        start = starts[turn - 1]
        assert self._texts_of(self._runner.run(session.rewind(turn))) == path[start:]
        self.model.rewind(target, path[:start])

    @rule(which=st.integers(0, 2), name=st.sampled_from(NAMES))
    def redo(self, which: int, name: str) -> None:
        session, target = self._changed(which, name)
        if target not in self.model.branches:
            self._refused(session.redo(), UnknownBranchError)
        elif not self.model.undone.get(target):
            self._refused(session.redo(), NothingToRedoError)
        else:
            path = self.model.undone[target].pop()
            redone = self._runner.run(session.redo())
            assert self._texts_of(redone) == path[len(self.model.branches[target]) :]
            self.model.branches[target] = path

    @precondition(lambda self: bool(set(NAMES) - set(self.model.branches)))
    @rule(data=st.data(), back=st.sampled_from(["rewind", "undo", "pop"]))
    def go_back_before_a_fork(self, data: st.DataObject, back: str) -> None:
        """Fork, go back before the fork on either branch, and go on, which chance alone seldom does."""
        source = data.draw(st.sampled_from(sorted(self.model.branches)))
        name = data.draw(st.sampled_from(sorted(set(NAMES) - set(self.model.branches))))
        path = self.model.branches[source]
        self._runner.run(self._sessions[0].on_branch(source).branches.create(name))
        self._takes_name(name)
        self.model.branches[name] = path
        for branch in (source, name):
            self.append(2, branch, data.draw(st.text("ua", min_size=1, max_size=2)))
        goes_back, other = data.draw(st.permutations([source, name]))
        if back == "pop":
            for _ in range(data.draw(st.integers(1, 5))):
                self.pop(2, goes_back)
        elif turns := len(starts_of_turns(self.model.branches[goes_back])):
            number = data.draw(st.integers(1, turns))
            self.undo(2, goes_back, number) if back == "undo" else self.rewind(2, goes_back, number)
        self.append(2, other, data.draw(st.text("ua", min_size=1, max_size=2)))

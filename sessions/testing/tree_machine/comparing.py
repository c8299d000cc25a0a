"""Histories: what is compared with the model after every step."""

from __future__ import annotations

from hypothesis.stateful import invariant

from sessions.errors import (
    ConflictError,
)
from sessions.testing.tree_machine.base import TreeRules
from sessions.testing.tree_model import MAIN, starts_of_turns


class Comparing(TreeRules):
    """Each branch, attempt and sibling is as in the model."""

    @invariant()
    def all_is_as_in_the_model(self) -> None:
        """Compare all if the session or the model has changed since: on a server, this is most of the test's time."""
        if not hasattr(self, "_sessions"):
            return
        state = self._runner.run(self._make(self._id).version()), self.model.state()
        if state != self._compared:
            self._compared = state
            self._compare_branches()
            self._compare_siblings()
            self._compare_attempts()
            if self._count_entries:
                # What no tip leads to is gone.
                assert self._runner.run(self._count(self._id)) == len(self.model.entries())

    def _compare_branches(self) -> None:
        listed = self._runner.run(self._sessions[0].branches.list())
        if not listed:
            assert set(self.model.branches) == {MAIN}
            assert not self.model.branches[MAIN]
            return
        assert {branch.name for branch in listed} == set(self.model.branches)
        for branch in listed:
            path = self.model.branches[branch.name]
            assert branch.items == len(path)
            assert branch.turns == len(starts_of_turns(path))
            assert branch.current == (branch.name == self.model.current)
            assert branch.redoable == len(self.model.undone.get(branch.name, []))
            assert self._texts_of(self._runner.run(self._make(self._id).on_branch(branch.name).get_items())) == path

    def _compare_siblings(self) -> None:
        """However they are read, each turn of each branch has the same: number, branch, current, undone, and so on."""
        for name, path in self.model.branches.items():
            pinned = self._make(self._id).on_branch(name)
            turns = range(1, len(starts_of_turns(path)) + 1)
            found = self._runner.run(pinned.siblings_by_turn())
            assert found == {turn: self._runner.run(pinned.siblings(turn)) for turn in turns}

    def _compare_attempts(self) -> None:
        for attempt in self.model.attempts:
            reading = attempt.session.get_items()
            if attempt.owner is None:
                self._refused(reading, ConflictError)
            else:
                assert self._texts_of(self._runner.run(reading)) == attempt.path

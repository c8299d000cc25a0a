"""Histories, any sequence: branches are made, switched, renamed, deleted; all is cleared."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from sessions.errors import (
    BranchExistsError,
    BranchInUseError,
    TurnNotFoundError,
    UnknownBranchError,
)
from sessions.testing.tree_machine.base import TreeRules
from sessions.testing.tree_model import MAIN, NAMES, Path, TreeModel, starts_of_turns


class Branching(TreeRules):
    """Branches come and go."""

    @rule(which=st.integers(0, 2), stays_on=st.sampled_from(NAMES), data=st.data(), switch=st.booleans())
    def create(self, which: int, stays_on: str, data: st.DataObject, *, switch: bool) -> None:
        session, source = self._changed(which, stays_on)
        name = data.draw(st.sampled_from(NAMES))
        path = self.model.branches.get(source)
        where: dict[str, Any] = {}
        kept: Path | None = path
        if path is not None:
            starts = starts_of_turns(path)
            kind = data.draw(st.sampled_from(["head", "turn", "position", "matching"]))
            number = data.draw(st.integers(0, len(path) + 1))
            if kind == "turn":
                where = {"turn": number + 1}
                kept = path[: starts[number]] if number < len(starts) else None
            elif kind == "position":
                where = {"position": number}
                kept = path[:number] if number <= len(path) else None
            elif kind == "matching" and starts:
                start = starts[number % len(starts)]
                where = {"matching": path[start].upper()}
                kept = path[: next(index for index in starts if path[start] in path[index])]
        creating = session.branches.create(name, switch=switch, **where)
        if path is None:
            self._refused(creating, UnknownBranchError)
        elif name in self.model.branches:
            self._refused(creating, BranchExistsError)
        elif kept is None:
            self._refused(creating, TurnNotFoundError)
        else:
            created = self._runner.run(creating)
            assert (created.name, created.current, created.items) == (name, switch, len(kept))
            assert created.fork_position == len(kept)
            self._takes_name(name)
            self.model.branches[name] = kept
            if switch:
                self.model.current = name
                self._now_follows(which, name)

    @rule(which=st.integers(0, 1), name=st.sampled_from(NAMES))
    def switch(self, which: int, name: str) -> None:
        switching = self._sessions[which].branches.switch(name)
        if name not in self.model.branches:
            self._refused(switching, UnknownBranchError)
        else:
            self._runner.run(switching)
            self.model.current = name
            self._followed[which] = name

    @rule(which=st.integers(0, 1), name=st.sampled_from(NAMES), new=st.sampled_from(NAMES))
    def rename(self, which: int, name: str, new: str) -> None:
        renaming = self._sessions[which].branches.rename(name, new)
        if name == MAIN:
            self._refused(renaming, BranchInUseError)
        elif name not in self.model.branches:
            self._refused(renaming, UnknownBranchError)
        elif new in self.model.branches and new != name:
            self._refused(renaming, BranchExistsError)
        else:
            self._runner.run(renaming)
            if new != name:
                self._takes_name(new)
            self.model.rename(name, new)
            if self._followed[which] == name:
                self._followed[which] = new

    @rule(which=st.integers(0, 1), name=st.sampled_from(NAMES), force=st.booleans())
    def delete(self, which: int, name: str, *, force: bool) -> None:
        deleting = self._sessions[which].branches.delete(name, force=force)
        if name == MAIN:
            self._refused(deleting, BranchInUseError)
        elif name not in self.model.branches:
            self._refused(deleting, UnknownBranchError)
        elif name == self.model.current and not force:
            self._refused(deleting, BranchInUseError)
        else:
            self._runner.run(deleting)
            self.model.delete(name)
            if self._followed[which] in {name, f"{name}, gone"}:
                self._followed[which] = None

    @precondition(lambda self: self._texts % 5 == 4)  # Not often: it ends all branches.
    @rule(which=st.integers(0, 1))
    def clear(self, which: int) -> None:
        self._runner.run(self._sessions[which].clear_session())
        attempts = self.model.attempts
        self.model = TreeModel()
        for attempt in attempts:
            attempt.owner = None
        self.model.attempts = attempts
        self.model.has_lost_branches = False
        self._followed[which] = None

"""Histories, any sequence: siblings and ways on are chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import rule

from sessions.errors import (
    TurnNotFoundError,
    UnknownBranchError,
)
from sessions.testing.tree_machine.base import TreeRules
from sessions.testing.tree_model import NAMES, Path, starts_of_turns

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.types import Sibling


class Choosing(TreeRules):
    """Ways are listed and chosen."""

    @rule(which=st.integers(0, 2), name=st.sampled_from(NAMES), data=st.data())
    def choose(self, which: int, name: str, data: st.DataObject) -> None:
        session, target = self._changed(which, name)
        path = self.model.branches.get(target)
        if path is None or not starts_of_turns(path):
            error = UnknownBranchError if path is None else TurnNotFoundError
            self._refused(session.siblings(), error)
            return
        turn = data.draw(st.integers(1, len(starts_of_turns(path))))
        siblings = self._runner.run(session.siblings(turn))
        ways = self.model.ways(target, turn)
        if self._is_ambiguous():
            return
        assert [sibling.number for sibling in siblings] == list(range(1, len(ways) + 1))
        assert {sibling.count for sibling in siblings} == {len(ways)}
        assert [sibling.current for sibling in siblings].count(True) == 1
        chosen = data.draw(st.sampled_from(siblings))
        if which == 2 and not chosen.current and chosen.branch:
            # Whether it may go there depends on which of the tips on that way was active last.
            return
        self._choose(session, chosen, target, by_id=data.draw(st.booleans()))
        self._follow_choice(which, target, ways, stays=chosen.current)

    @rule(which=st.integers(0, 2), name=st.sampled_from(NAMES), data=st.data())
    def go_on(self, which: int, name: str, data: st.DataObject) -> None:
        session, target = self._changed(which, name)
        if target not in self.model.branches:
            self._refused(session.ways_on(), UnknownBranchError)
            return
        found = self._runner.run(session.ways_on())
        ways = self.model.ways_on(target)
        assert [(way.number, way.count, way.current) for way in found] == [
            (number, len(ways), False) for number in range(1, len(ways) + 1)
        ]
        undone = self.model.undone.get(target, [])
        taken = [any(path in undone for _, path in tips) for tips in ways.values()]
        assert sum(way.undone for way in found) == sum(taken)
        if not found or self._is_ambiguous():
            return
        chosen = data.draw(st.sampled_from(found))
        if which == 2 and chosen.branch:
            return
        self._choose(session, chosen, target, by_id=data.draw(st.booleans()))
        self._follow_choice(which, target, ways, stays=False)

    @rule(name=st.sampled_from(NAMES), bound=st.integers(1, 4))
    def list_siblings_of_the_latest_turns(self, name: str, bound: int) -> None:
        if name in self.model.branches:
            turns = len(starts_of_turns(self.model.branches[name]))
            pinned = self._make(self._id).on_branch(name)
            whole = self._runner.run(pinned.siblings_by_turn())
            latest = {turn: ways for turn, ways in whole.items() if turn > turns - bound}
            assert self._runner.run(pinned.siblings_by_turn(max_turns=bound)) == latest

    @rule()
    def list_siblings_of_unknown_branches(self) -> None:
        for name in set(NAMES) - set(self.model.branches):
            self._refused(self._make(self._id).on_branch(name).siblings_by_turn(), UnknownBranchError)

    def _is_ambiguous(self) -> bool:
        """Tell whether two kinds of tips end in one place: choosing one of them removes it, and the other not."""
        tried = {attempt.path for attempt in self.model.attempts}
        left = {path for _, path in self.model.left}
        undone = {path for paths in self.model.undone.values() for path in paths}
        return bool(tried & left or tried & undone or left & undone)

    def _choose(self, session: LogSession, way: Sibling, target: str, *, by_id: bool) -> None:
        """Choose a way, and see that its items are those that were to be had before."""
        expected = self._runner.run(session.items_of(way.entry if by_id else way))
        self._runner.run(session.choose(way.entry if by_id else way))
        here = self._runner.run(session.on_branch(target).get_items())
        if here != expected:
            # It is on another branch, which is the current one now, unless a tip that was left there was active later.
            assert way.branch is not None
            assert self._runner.run(session.get_items()) == expected

    def _follow_choice(
        self, which: int, target: str, ways: dict[Path, list[tuple[str | None, Path]]], *, stays: bool
    ) -> None:
        """Choose in the model, too, which depends on the tip of the chosen way that was active last."""
        own = self.model.branches[target]
        listed = self._runner.run(self._sessions[0].branches.list())
        current = next(branch.name for branch in listed if branch.current)
        now = self._texts_of(self._runner.run(self._make(self._id).on_branch(target).get_items()))
        if stays:
            assert (now, current) == (own, self.model.current)
            self._now_follows(which, target)
            return
        if now == own:
            # Another branch is the current one: one of those on that way, which is not the one that it was on.
            assert any(owner == current for tips in ways.values() if (target, own) not in tips for owner, _ in tips)
            self.model.current = current
            self._now_follows(which, current)
            return
        assert any((None, now) in tips for tips in ways.values() if (target, own) not in tips)
        self.model.choose(target, now)
        self._now_follows(which, target)

"""The model of a session's history in the contract suite: a plain tree, each tip with a copy of its path."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import uuid4

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sessions.errors import (
    BranchExistsError,
    BranchInUseError,
    ConflictError,
    NothingToRedoError,
    TurnNotFoundError,
    UnknownBranchError,
)
from sessions.testing.verified import check_verified

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from sessions.session.base import LogSession
    from sessions.testing.list_model import Item
    from sessions.types import Sibling

Path: TypeAlias = "tuple[str, ...]"
"""What the items on the way to a tip say; each item says something else. Users' messages begin with ``u``."""

CountEntries: TypeAlias = "Callable[[str], Awaitable[int]]"
"""Returns how many entries the database holds of a session."""

MAIN = "main"
NAMES = [MAIN, "a", "b", "c d", "é"]


def item(text: str) -> Item:
    """Return the message that says `text`."""
    return {"role": "user" if text.startswith("u") else "assistant", "content": text}


def starts_of_turns(path: Path) -> list[int]:
    """Return the index of each message of a user."""
    return [index for index, text in enumerate(path) if text.startswith("u")]


@dataclass(eq=False)
class Attempt:
    """An attempt that has begun and not ended.

    Attributes:
        owner: The branch; ``None`` once it is gone, and the attempt with it.
        entered: The branch's path when the attempt began.
        path: The attempt's own path.
        which: The object that began it.
        block: The function that ends it.
        session: The attempt's session.
        drop: Whether nothing of it stays if it fails.
    """

    owner: str | None
    entered: Path
    path: Path
    which: int
    block: AbstractAsyncContextManager[LogSession]
    session: LogSession
    drop: bool


class TreeModel:
    """The expected history of a session."""

    def __init__(self) -> None:
        self.branches: dict[str, Path] = {MAIN: ()}
        self.undone: dict[str, list[Path]] = {}
        self.left: list[tuple[str, Path]] = []
        self.attempts: list[Attempt] = []
        self.current = MAIN
        # Whether the session was never cleared, or lost branches since: objects on a branch that is gone are told so.
        self.has_lost_branches = True

    def tips(self) -> list[tuple[str | None, Path]]:
        """Return all paths there are, with the branch if it is one's own."""
        waiting = [(None, path) for paths in self.undone.values() for path in paths]
        tried = [(None, attempt.path) for attempt in self.attempts if attempt.owner]
        return [*self.branches.items(), *waiting, *((None, path) for _, path in self.left), *tried]

    def entries(self) -> set[str]:
        """Return everything that some tip leads to."""
        return {text for _, path in self.tips() for text in path}

    def append(self, name: str, texts: list[str]) -> None:
        """Add items; undone turns become siblings."""
        if texts:
            self.leave_undone(name)
            self.branches[name] += tuple(texts)

    def leave_undone(self, name: str) -> bool:
        """Keep the farthest undone way as a sibling; tell whether there was one."""
        undone = self.undone.pop(name, [])
        if undone:
            self.left.append((name, undone[0]))
        return bool(undone)

    def rewind(self, name: str, path: Path) -> None:
        """Let a branch end earlier on its path, until something is added."""
        self.undone.setdefault(name, []).append(self.branches[name])
        self.branches[name] = path

    def commit(self, attempt: Attempt) -> bool:
        """Move a branch to its attempt's end, unless the branch has moved; tell whether it was done."""
        owner, path = attempt.owner, attempt.path
        assert owner
        before = self.branches[owner]
        if before != attempt.entered:
            self.keep(attempt)
            return False
        if path != before and _leads_to(before, path):
            self.rewind(owner, path)
        elif path != before:
            if not self.leave_undone(owner) and not _leads_to(path, before):
                self.left.append((owner, before))
            self.branches[owner] = path
        return True

    def keep(self, attempt: Attempt) -> None:
        """Make an attempt a way that its branch left, unless the branch goes through all of it."""
        if attempt.owner and not _leads_to(self.branches[attempt.owner], attempt.path):
            self.left.append((attempt.owner, attempt.path))

    def delete(self, name: str) -> None:
        """Remove a branch and the ways that it left."""
        for attempt in self.attempts:
            attempt.owner = None if attempt.owner == name else attempt.owner
        self.has_lost_branches = True
        del self.branches[name]
        self.undone.pop(name, None)
        self.left = [(owner, path) for owner, path in self.left if owner != name]
        if self.current == name:
            self.current = MAIN

    def rename(self, name: str, new: str) -> None:
        """Give a branch another name."""
        self.has_lost_branches |= name != new
        self.branches[new] = self.branches.pop(name)
        if name in self.undone:
            self.undone[new] = self.undone.pop(name)
        self.left = [(new if owner == name else owner, path) for owner, path in self.left]
        for attempt in self.attempts:
            attempt.owner = new if attempt.owner == name else attempt.owner
        if self.current == name:
            self.current = new

    def ways(self, name: str, turn: int) -> dict[Path, list[tuple[str | None, Path]]]:
        """Return the tips by their path up to the end of a turn, if the turn before it ends as on a branch."""
        before = _up_to(self.branches[name], turn - 1)
        ways: dict[Path, list[tuple[str | None, Path]]] = {}
        for owner, path in self.tips():
            if len(starts_of_turns(path)) >= turn and _up_to(path, turn - 1) == before:
                ways.setdefault(_up_to(path, turn), []).append((owner, path))
        return ways

    def ways_on(self, name: str) -> dict[Path, list[tuple[str | None, Path]]]:
        """Return the tips beyond a branch's end, by their path up to the end of the turn that comes next."""
        own = self.branches[name]
        turn = len(starts_of_turns(own))
        ways: dict[Path, list[tuple[str | None, Path]]] = {}
        for owner, path in self.tips():
            if path != own and _leads_to(path, own):
                starts_a_turn = path[len(own)].startswith("u")
                if turn or starts_a_turn:
                    ways.setdefault(_up_to(path, turn + starts_a_turn), []).append((owner, path))
        return ways


def _up_to(path: Path, turn: int) -> Path:
    starts = starts_of_turns(path)
    return path[: starts[turn]] if turn < len(starts) else path


def _leads_to(path: Path, other: Path) -> bool:
    return path[: len(other)] == other


class TreeMachine(RuleBasedStateMachine):
    """Any sequence of operations has the same effects on a session as on the model.

    Two objects of the session follow its current branch; a third kind stays on a branch of its own.
    """

    def __init__(self, make: Callable[..., LogSession], count_entries: CountEntries | None) -> None:
        super().__init__()
        self._make = make
        self._count_entries = count_entries
        self._runner = asyncio.Runner()
        self._texts = 0
        self.model = TreeModel()

    @initialize()
    def begin(self) -> None:
        self._id = f"tree-{uuid4()}"
        self._sessions = (self._make(self._id), self._make(self._id))
        # The branch that each object read last, to which its changes go.
        self._followed: list[str | None] = [None, None]

    # --- Rules -----------------------------------------------------------------------------------------------

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
        self.model.attempts.append(Attempt(target, path, kept, which, block, tried, drop))

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
            if self._followed[which] == name:
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
        undone = {path for path in ways if any(up[: len(path)] == path for up in self.model.undone.get(target, []))}
        assert sum(way.undone for way in found) == len(undone)
        if not found or self._is_ambiguous():
            return
        chosen = data.draw(st.sampled_from(found))
        if which == 2 and chosen.branch:
            return
        self._choose(session, chosen, target, by_id=data.draw(st.booleans()))
        self._follow_choice(which, target, ways, stays=False)

    @precondition(lambda self: bool(set(NAMES) - set(self.model.branches)))
    @rule(data=st.data(), back=st.sampled_from(["rewind", "undo", "pop"]))
    def go_back_before_a_fork(self, data: st.DataObject, back: str) -> None:
        """Fork, go back before the fork on either branch, and go on, which chance alone seldom does."""
        source = data.draw(st.sampled_from(sorted(self.model.branches)))
        name = data.draw(st.sampled_from(sorted(set(NAMES) - set(self.model.branches))))
        path = self.model.branches[source]
        self._runner.run(self._sessions[0].on_branch(source).branches.create(name))
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
        if way.branch is None or session._handle.pinned is not None:  # noqa: SLF001 - whether it stays on its branch
            assert self._runner.run(session.on_branch(target).get_items()) == expected
        else:
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
        if now in self.model.undone.get(target, []):
            while self.model.undone[target].pop() != now:
                pass
            self.model.branches[target] = now
            self._now_follows(which, target)
            return
        if not self.model.leave_undone(target):
            self.model.left.append((target, own))
        if (target, now) in self.model.left:
            # Ways that another branch left stay that one's.
            self.model.left.remove((target, now))
        self.model.branches[target] = now
        self._now_follows(which, target)

    # --- Invariants ------------------------------------------------------------------------------------------

    @invariant()
    def every_branch_is_its_path(self) -> None:
        if not hasattr(self, "_sessions"):
            return
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

    @invariant()
    def siblings_are_the_same_however_they_are_read(self) -> None:
        """Each turn of each branch: number, branch, current, undone, last activity and entry."""
        if not hasattr(self, "_sessions"):
            return
        for name, path in self.model.branches.items():
            pinned = self._make(self._id).on_branch(name)
            turns = range(1, len(starts_of_turns(path)) + 1)
            found = self._runner.run(pinned.siblings_by_turn())
            assert found == {turn: self._runner.run(pinned.siblings(turn)) for turn in turns}

    @invariant()
    def every_attempt_is_its_path(self) -> None:
        for attempt in self.model.attempts:
            reading = attempt.session.get_items()
            if attempt.owner is None:
                self._refused(reading, ConflictError)
            else:
                assert self._texts_of(self._runner.run(reading)) == attempt.path

    @invariant()
    def what_no_tip_leads_to_is_gone(self) -> None:
        if hasattr(self, "_sessions") and self._count_entries:
            assert self._runner.run(self._count(self._id)) == len(self.model.entries())

    # --- Helpers -----------------------------------------------------------------------------------------------

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

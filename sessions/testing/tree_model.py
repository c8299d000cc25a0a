"""The model of a session's history in the contract suite: a plain tree, each tip with a copy of its path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from sessions.session.base import LogSession
    from sessions.testing.list_model import Item

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
        start: The part of that where it began.
        path: The attempt's own path.
        which: The object that began it.
        block: The function that ends it.
        session: The attempt's session.
        drop: Whether nothing of it stays if it fails.
    """

    owner: str | None
    entered: Path
    start: Path
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

    def state(self) -> object:
        """Return all that is compared, in a form that stays as it is."""
        undone = {name: tuple(paths) for name, paths in self.undone.items()}
        attempts = [(attempt.owner, attempt.path) for attempt in self.attempts]
        return dict(self.branches), undone, tuple(self.left), attempts, self.current

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
        if path != before and leads_to(before, path):
            self._go_back(attempt, before)
        elif path != before and not self.leave_undone(owner) and not leads_to(path, before):
            self.left.append((owner, before))
        self.branches[owner] = path
        return True

    def _go_back(self, attempt: Attempt, before: Path) -> None:
        """Keep what a branch leaves: for redo, unless a pop went back further than the attempt's start."""
        assert attempt.owner
        if len(attempt.path) >= len(attempt.start):
            self.undone.setdefault(attempt.owner, []).append(before)
        elif attempt.start == before:
            self.undone.pop(attempt.owner, None)
        elif not self.leave_undone(attempt.owner):
            self.left.append((attempt.owner, before))

    def keep(self, attempt: Attempt) -> None:
        """Make an attempt a way that its branch left, unless the branch goes through all of it."""
        if attempt.owner and not leads_to(self.branches[attempt.owner], attempt.path):
            self.left.append((attempt.owner, attempt.path))

    def choose(self, name: str, path: Path) -> None:
        """Move a branch to a tip that it or another branch left; what another one left stays that one's."""
        undone = self.undone.get(name, [])
        if path in undone:
            while undone.pop() != path:
                pass
        else:
            if not self.leave_undone(name):
                self.left.append((name, self.branches[name]))
            if (name, path) in self.left:
                self.left.remove((name, path))
        self.branches[name] = path

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
        before = up_to(self.branches[name], turn - 1)
        ways: dict[Path, list[tuple[str | None, Path]]] = {}
        for owner, path in self.tips():
            if len(starts_of_turns(path)) >= turn and up_to(path, turn - 1) == before:
                ways.setdefault(up_to(path, turn), []).append((owner, path))
        return ways

    def ways_on(self, name: str) -> dict[Path, list[tuple[str | None, Path]]]:
        """Return the tips beyond a branch's end, by their path up to the end of the turn that comes next."""
        own = self.branches[name]
        turn = len(starts_of_turns(own))
        ways: dict[Path, list[tuple[str | None, Path]]] = {}
        for owner, path in self.tips():
            if path != own and leads_to(path, own):
                starts_a_turn = path[len(own)].startswith("u")
                if turn or starts_a_turn:
                    ways.setdefault(up_to(path, turn + starts_a_turn), []).append((owner, path))
        return ways


def up_to(path: Path, turn: int) -> Path:
    """Return a path to the end of a turn."""
    starts = starts_of_turns(path)
    return path[: starts[turn]] if turn < len(starts) else path


def leads_to(path: Path, other: Path) -> bool:
    """Tell whether a path goes through the end of another one, or ends there, too."""
    return path[: len(other)] == other

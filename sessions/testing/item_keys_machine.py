"""The machine that compares sessions with item keys with `item_keys_model.py`: appends, attempts, and going back."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sessions.errors import (
    BranchExistsError,
    BranchInUseError,
    ConflictError,
    ItemKeyConflictError,
    NothingToRedoError,
    TurnNotFoundError,
)
from sessions.testing.item_keys_model import KeyedAttempt, KeyModel
from sessions.testing.refusals import refused
from sessions.testing.tree_model import MAIN
from sessions.testing.verified import check_verified

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.expiry_model import MovableClock
    from sessions.testing.fixtures import MakeLogSession
    from sessions.testing.tree_model import Path

_KEYS = st.lists(st.sampled_from([None, *"abcdef"]), min_size=1, max_size=4, unique_by=lambda key: key or object())
_BRANCH = st.integers(0, 3)
_LINE = st.integers(0, 5)
_TURN = st.one_of(st.none(), st.integers(1, 4))


class _Line(NamedTuple):
    """A branch, or an attempt, to which an object writes.

    Attributes:
        session: The object.
        name: The branch, if it is one.
        attempt: The attempt, if it is one.
    """

    session: LogSession
    name: str | None
    attempt: KeyedAttempt | None


class ItemKeyMachine(RuleBasedStateMachine):
    """Any sequence of operations adds each key once to each way, and refuses other items with it."""

    def __init__(self, make: MakeLogSession, time: MovableClock) -> None:
        super().__init__()
        self._make = make
        self._time = time
        self._runner = asyncio.Runner()
        self._retries = count()
        self._model = KeyModel()
        # The ids of entries, once they were read, by their labels.
        self._ids: dict[str, str] = {}
        self._compared: object = None

    @initialize()
    def begin(self) -> None:
        self._id = f"keyed-{uuid4()}"
        self.add(["a", None, "b"], 0, None, other=False, retried=False)

    # --- On branches and in attempts -----------------------------------------------------------------------------

    @rule(keys=_KEYS, number=_LINE, ttl=st.sampled_from([None, None, None, 5]),
          other=st.sampled_from([False] * 5 + [True]), retried=st.booleans())  # fmt: skip
    def add(self, keys: list[str | None], number: int, ttl: int | None, *, other: bool, retried: bool) -> None:
        line, path = self._line(number)
        texts = [f"{key or 'none'}{' other' * other}" for key in keys]
        options: dict[str, Any] = {"keys": keys, "ttl": ttl}
        if retried:
            options["idempotency_key"] = f"retry {next(self._retries)}"
        items = [_item(text) for text in texts]
        pairs = list(zip(keys, texts, strict=True))
        if any(key and self._model.texts.get(key, text) != text for key, text in pairs):
            refused(self._runner, line.session.add_items(items, **options), ItemKeyConflictError)
            return
        if path is None:
            refused(self._runner, line.session.add_items(items, **options), ConflictError)
            return
        seen = self._seen(line, path)
        for _ in range(2 if retried else 1):
            self._runner.run(line.session.add_items(items, **options))
        expires = None if ttl is None else self._time.seconds + ttl
        new = [(key, text) for key, text in pairs if key is None or key not in seen]
        labels = [self._model.new_item(key, text, expires) for key, text in new]
        self._extend(line, labels)
        if labels:
            # Also in the middle of an attempt: their ids are needed to choose them.
            self._compare(line.session, (*path, *labels))

    @rule(number=_LINE)
    def pop(self, number: int) -> None:
        line, path = self._line(number)
        if path is None:
            refused(self._runner, line.session.pop_item(), ConflictError)
            return
        popped = self._runner.run(line.session.pop_item())
        shown = self._model.shown(path, self._time.seconds)
        if not shown:
            assert popped is None
            return
        of_summary = shown[-1] in self._model.summaries
        assert popped == (_item("summary") if of_summary else _item(self._model.items[shown[-1]].text))
        left, keys = self._model.without_last(path, self._time.seconds)
        if line.attempt:
            line.attempt.path = left
            line.attempt.popped |= keys
        elif line.name:
            if of_summary:
                self._model.leave_undone(line.name)
            self._model.undone.pop(line.name, None)
            self._model.branches[line.name] = left
            self._model.popped.setdefault(line.name, set()).update(keys)

    @rule(number=_LINE)
    def compact(self, number: int) -> None:
        line, path = self._line(number)
        if path is None or any(self._model.items[one].expires for one in path if one in self._model.items):
            return  # A summary expires with its items.
        made = self._runner.run(line.session.compact(_summarise))
        label = self._model.summarise(path, self._time.seconds)
        assert (made is None) == (label is None)
        if label is not None:
            self._extend(line, [label])

    # --- Attempts ------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self._model.attempts) < 2)
    @rule(branch=_BRANCH, turn=_TURN, drop=st.booleans(), steps=st.lists(st.none() | _KEYS, max_size=3),
          ends=st.sampled_from(["well", "well", "fails", "later"]))  # fmt: skip
    def attempt(
        self, branch: int, turn: int | None, steps: list[list[str | None] | None], ends: str, *, drop: bool
    ) -> None:
        """Begin an attempt, add items and pop some in it, and end it, at once or later: others write meanwhile."""
        name, path = self._branch(branch)
        block = self._session(name).attempt(turn, on_failure="drop" if drop else "keep")
        start = path if turn is None else self._before(path, turn)
        if start is None:
            refused(self._runner, block.__aenter__(), TurnNotFoundError)
            return
        tried = self._runner.run(block.__aenter__())
        number = len(self._model.attempts)
        self._model.attempts.append(KeyedAttempt(name, path, start, start, 0, block, tried, drop))
        for keys in steps:
            if keys is None:
                self.pop(number)
            else:
                self.add(keys, number, None, other=False, retried=False)
        if ends != "later":
            self.end_attempt(number, fails=ends == "fails")

    @precondition(lambda self: self._model.attempts)
    @rule(number=st.integers(0, 1), fails=st.booleans())
    def end_attempt(self, number: int, *, fails: bool) -> None:
        attempt = self._model.attempts[number % len(self._model.attempts)]
        self._model.attempts.remove(attempt)
        if fails:
            assert not self._runner.run(attempt.block.__aexit__(RuntimeError, RuntimeError("no model"), None))
            if not attempt.drop:
                self._model.keep(attempt)
            return
        ending = attempt.block.__aexit__(None, None, None)
        if attempt.owner is None or not self._model.commit(attempt):
            refused(self._runner, ending, ConflictError)
        else:
            assert not self._runner.run(ending)

    # --- Going back ----------------------------------------------------------------------------------------------

    @rule(branch=_BRANCH, turn=_TURN)
    def go_back(self, branch: int, turn: int | None) -> None:
        """Rewind to before a turn, or undo the last one."""
        name, path = self._branch(branch)
        session = self._session(name)
        kept = self._before(path, turn)
        back = session.undo() if turn is None else session.rewind(turn)
        if kept is None:
            refused(self._runner, back, TurnNotFoundError)
            return
        self._runner.run(back)
        self._model.rewind(name, kept)

    @rule(branch=_BRANCH)
    def redo(self, branch: int) -> None:
        name, _ = self._branch(branch)
        undone = self._model.undone.get(name)
        if not undone:
            refused(self._runner, self._session(name).redo(), NothingToRedoError)
            return
        self._runner.run(self._session(name).redo())
        self._model.branches[name] = undone.pop()

    @rule(branch=_BRANCH, data=st.data())
    def choose(self, branch: int, data: st.DataObject) -> None:
        """Choose a sibling, what goes on from the end, or any way by the id of an entry on it."""
        name, own = self._branch(branch)
        now = self._time.seconds
        session = self._session(name)
        ways = [
            one for ways in self._runner.run(session.siblings_by_turn()).values() for one in ways if not one.current
        ]
        tips = {path for _, path in self._model.tips()}
        beside = {self._ids[label] for path in tips for label in self._model.there(path, now) if label not in own}
        chosen: list[Any] = [*ways, *self._runner.run(session.ways_on()), *sorted(beside)]
        by_view = {tuple(self._model.there(path, now)): path for path in tips}
        aside = [path for tip, path in self._model.tips() if tip is None]
        if not chosen or len(by_view) < len(tips) or len({*aside}) < len(aside):
            return  # The entries there would not tell which of two tips was chosen, or whose.
        try:
            self._runner.run(session.choose(data.draw(st.sampled_from(chosen))))
        except BranchInUseError:
            assert len(self._model.branches) > 1
            return
        path = by_view[tuple(self._labels(session, tips))]
        assert path in aside
        self._model.choose(name, path)

    # --- Branches, and the whole session -------------------------------------------------------------------------

    @rule(branch=_BRANCH, name=st.sampled_from(["b", "c"]), turn=_TURN)
    def fork(self, branch: int, name: str, turn: int | None) -> None:
        source, path = self._branch(branch)
        making = self._session(MAIN).branches.create(name, source=source, turn=turn)
        starts = [number for number, label in enumerate(path) if label in self._model.items]
        if name in self._model.branches:
            refused(self._runner, making, BranchExistsError)
        elif turn is not None and turn > len(starts):
            refused(self._runner, making, TurnNotFoundError)
        else:
            self._runner.run(making)
            self._model.branches[name] = path if turn is None else path[: starts[turn - 1]]

    @rule(name=st.sampled_from(["b", "c"]), how=st.sampled_from(["delete", "rename"]))
    def change_branch(self, name: str, how: str) -> None:
        if name not in self._model.branches:
            return
        if how == "delete":
            self._runner.run(self._session(MAIN).branches.delete(name))
            self._model.delete(name)
        elif "d" not in self._model.branches:
            self._runner.run(self._session(MAIN).branches.rename(name, "d"))
            self._model.rename(name, "d")

    @rule(seconds=st.sampled_from([0, 2, 6]))
    def let_time_pass(self, seconds: int) -> None:
        self._time.move(seconds)
        if not seconds:
            self._runner.run(self._session(MAIN).purge_expired())

    @rule(really=st.sampled_from([False, False, False, True]))
    def clear(self, *, really: bool) -> None:
        if really:
            self._runner.run(self._session(MAIN).clear_session())
            self._model.clear()

    # --- Comparing -----------------------------------------------------------------------------------------------

    @invariant()
    def all_is_there(self) -> None:
        if not hasattr(self, "_id"):
            return
        self._model.forget_ways_that_are_gone()
        state = self._runner.run(self._session(MAIN).version()), self._time.seconds, self._model.state()
        if state == self._compared:
            return
        self._compared = state
        lines = [(self._session(name), path) for name, path in self._model.branches.items()]
        lines += [(attempt.session, attempt.path) for attempt in self._model.attempts if attempt.owner]
        for session, path in lines:
            self._compare(session, path)
        for attempt in self._model.attempts:
            if attempt.owner is None:
                refused(self._runner, attempt.session.get_items(), ConflictError)

    def _compare(self, session: LogSession, path: Path) -> None:
        labels = self._model.there(path, self._time.seconds)
        entries = [entry for entry in self._runner.run(session.entries()) if not entry.hidden]
        expected = [(self._model.items[label].key, self._model.items[label].text) for label in labels]
        assert [(entry.key, entry.item["content"]) for entry in entries] == expected
        for label, entry in zip(labels, entries, strict=True):
            assert self._ids.setdefault(label, entry.id) == entry.id
        shown = [self._model.items.get(label) for label in self._model.shown(path, self._time.seconds)]
        seen = self._runner.run(session.get_items())
        assert seen == [_item(one.text if one else "summary") for one in shown]
        if entries and entries[-1].key is not None:
            assert self._runner.run(session.entry(key=entries[-1].key)) == entries[-1]

    def teardown(self) -> None:
        for attempt in self._model.attempts:
            self._runner.run(attempt.block.__aexit__(RuntimeError, RuntimeError("the test is over"), None))
        self._runner.run(check_verified(self._make(self._id)))
        self._runner.close()

    # --- Helpers -------------------------------------------------------------------------------------------------

    def _session(self, name: str) -> LogSession:
        return self._make(self._id).on_branch(name)

    def _branch(self, number: int) -> tuple[str, Path]:
        names = sorted(self._model.branches)
        name = names[number % len(names)]
        return name, self._model.branches[name]

    def _line(self, number: int) -> tuple[_Line, Path | None]:
        """Return a branch or an attempt with its path; ``None`` if the attempt has gone with its branch."""
        number %= len(self._model.branches) + len(self._model.attempts)
        if number < len(self._model.attempts):
            attempt = self._model.attempts[number]
            assert isinstance(attempt, KeyedAttempt)
            return _Line(attempt.session, None, attempt), attempt.path if attempt.owner else None
        name, path = self._branch(number - len(self._model.attempts))
        return _Line(self._session(name), name, None), path

    def _seen(self, line: _Line, path: Path) -> set[str | None]:
        branch = line.name or (line.attempt and line.attempt.owner)
        aside = line.attempt.popped if line.attempt else set()
        return self._model.keys(path) | self._model.popped.get(str(branch), set()) | aside | self._model.cleared

    def _extend(self, line: _Line, labels: list[str]) -> None:
        if line.attempt:
            line.attempt.path += tuple(labels)
        elif line.name:
            self._model.append(line.name, labels)

    def _before(self, path: Path, turn: int | None) -> Path | None:
        """Return the part of a path before a turn, or its last one; ``None`` if it is not there, or has expired."""
        there = self._model.there(path, self._time.seconds)
        items = there if turn is None else [label for label in path if label in self._model.items][:turn]
        is_there = len(items) == turn if turn else items
        return path[: path.index(items[-1])] if is_there and items[-1] in there else None

    def _labels(self, session: LogSession, tips: set[Path]) -> list[str]:
        """Return the labels of the items of a branch, by their entries' ids."""
        by_id = {self._ids[label]: label for path in tips for label in self._model.there(path, self._time.seconds)}
        return [by_id[entry.id] for entry in self._runner.run(session.entries()) if not entry.hidden]


def _item(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


async def _summarise(_: list[Any]) -> str:
    return "summary"

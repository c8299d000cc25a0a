"""What sessions with item keys are compared with: lists of items, and the keys that each list has seen."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sessions.errors import BranchExistsError, ItemKeyConflictError, NothingToRedoError, TurnNotFoundError
from sessions.testing.refusals import refused
from sessions.testing.verified import check_verified

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.expiry_model import MovableClock
    from sessions.testing.fixtures import MakeLogSession

_KEYS = [None, *"abcdef"]


@dataclass(eq=False)
class Keyed:
    """An item of the model."""

    key: str | None
    text: str
    expires: float | None


@dataclass
class Way:
    """A branch of the model.

    Attributes:
        items: What is on it, also what has expired.
        popped: The keys of items that were popped from it.
        undone: What redo brings back, the last of it last.
    """

    items: list[Keyed] = field(default_factory=list)
    popped: set[str | None] = field(default_factory=set)
    undone: list[list[Keyed]] = field(default_factory=list)


class ItemKeyMachine(RuleBasedStateMachine):
    """Any sequence of operations adds each key once to each way, and refuses other items with it."""

    def __init__(self, make: MakeLogSession, time: MovableClock) -> None:
        super().__init__()
        self._make = make
        self._time = time
        self._runner = asyncio.Runner()
        self._ways = {"main": Way()}
        self._texts: dict[str, str] = {}
        self._cleared: set[str | None] = set()
        self._retries = count()

    @initialize()
    def begin(self) -> None:
        self._id = f"keyed-{uuid4()}"
        self._put("main", [Keyed(None, "first", None)])
        self._runner.run(self._session("main").add_items([_item("first")]))

    @rule(keys=st.lists(st.sampled_from(_KEYS), min_size=1, max_size=4, unique_by=lambda key: key or object()),
          other=st.sampled_from([False] * 5 + [True]), branch=st.integers(0, 3), ttl=st.sampled_from([None, None, 5]),
          retried=st.booleans())  # fmt: skip
    def add(self, keys: list[str | None], branch: int, ttl: int | None, *, other: bool, retried: bool) -> None:
        name, way = self._pick(branch)
        texts = [f"{key or 'none'}{' other' * other}" for key in keys]
        options: dict[str, Any] = {"keys": keys, "ttl": ttl}
        if retried:
            options["idempotency_key"] = f"retry {next(self._retries)}"
        items = [_item(text) for text in texts]
        pairs = list(zip(keys, texts, strict=True))
        if any(key and self._texts.get(key, text) != text for key, text in pairs):
            refused(self._runner, self._session(name).add_items(items, **options), ItemKeyConflictError)
            return
        seen = {stored.key for stored in way.items} | way.popped | self._cleared
        expires = None if ttl is None else self._time.seconds + ttl
        new = [Keyed(key, text, expires) for key, text in pairs if key is None or key not in seen]
        for _ in range(2 if retried else 1):
            self._runner.run(self._session(name).add_items(items, **options))
        self._put(name, new)

    @rule(seconds=st.sampled_from([2, 6]))
    def move_the_clock(self, seconds: int) -> None:
        self._time.move(seconds)

    @rule(branch=st.integers(0, 3))
    def pop(self, branch: int) -> None:
        name, way = self._pick(branch)
        popped = self._runner.run(self._session(name).pop_item())
        there = self._there(way)
        if not there:
            assert popped is None
            return
        assert popped == _item(there[-1].text)
        cut = way.items.index(there[-1])
        # What has expired behind it goes with it.
        way.popped.update(stored.key for stored in way.items[cut:])
        del way.items[cut:]
        way.undone.clear()

    @rule(branch=st.integers(0, 3))
    def undo(self, branch: int) -> None:
        name, way = self._pick(branch)
        there = self._there(way)
        if not there:
            refused(self._runner, self._session(name).undo(), TurnNotFoundError)
            return
        self._runner.run(self._session(name).undo())
        cut = way.items.index(there[-1])
        way.items, undone = way.items[:cut], way.items[cut:]
        way.undone.append(undone)

    @rule(branch=st.integers(0, 3))
    def redo(self, branch: int) -> None:
        name, way = self._pick(branch)
        if not way.undone:
            refused(self._runner, self._session(name).redo(), NothingToRedoError)
            return
        self._runner.run(self._session(name).redo())
        way.items = way.items + way.undone.pop()

    @rule(branch=st.integers(0, 3), name=st.sampled_from(["b", "c"]))
    def fork(self, branch: int, name: str) -> None:
        source, way = self._pick(branch)
        making = self._session("main").branches.create(name, source=source)
        if name in self._ways:
            refused(self._runner, making, BranchExistsError)
        else:
            self._runner.run(making)
            self._ways[name] = Way(list(way.items))

    @rule(name=st.sampled_from(["b", "c"]), how=st.sampled_from(["delete", "rename"]))
    def change_branch(self, name: str, how: str) -> None:
        if name not in self._ways:
            return
        if how == "delete":
            self._runner.run(self._session("main").branches.delete(name))
            del self._ways[name]
        elif "d" not in self._ways:
            self._runner.run(self._session("main").branches.rename(name, "d"))
            self._ways["d"] = self._ways.pop(name)

    @rule()
    def purge(self) -> None:
        self._runner.run(self._session("main").purge_expired())

    @rule(really=st.sampled_from([False, False, True]))
    def clear(self, *, really: bool) -> None:
        if really:
            self._runner.run(self._session("main").clear_session())
            self._ways = {"main": Way()}
            self._cleared = {*self._texts}

    @invariant()
    def all_is_there(self) -> None:
        if not hasattr(self, "_id"):
            return
        for name, way in self._ways.items():
            there = self._there(way)
            entries = self._runner.run(self._session(name).entries())
            assert [(entry.key, entry.item["content"]) for entry in entries] == [(one.key, one.text) for one in there]
            for entry in entries[-2:]:
                if entry.key is not None:
                    assert self._runner.run(self._session(name).entry(key=entry.key)) == entry

    def teardown(self) -> None:
        self._runner.run(check_verified(self._make(self._id)))
        self._runner.close()

    def _session(self, name: str) -> LogSession:
        return self._make(self._id).on_branch(name)

    def _pick(self, number: int) -> tuple[str, Way]:
        names = sorted(self._ways)
        name = names[number % len(names)]
        return name, self._ways[name]

    def _put(self, name: str, new: list[Keyed]) -> None:
        way = self._ways[name]
        way.items = way.items + new
        if new:
            way.undone.clear()
        self._texts.update((stored.key, stored.text) for stored in new if stored.key)

    def _there(self, way: Way) -> list[Keyed]:
        now = self._time.seconds
        return [stored for stored in way.items if stored.expires is None or now < stored.expires]


def _item(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}

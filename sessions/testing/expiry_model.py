"""The model of expiring sessions: lists of items that know their expiry; and a clock to be moved."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sessions import clock
from sessions.errors import BranchExistsError, NothingToRedoError, TurnNotFoundError
from sessions.testing.refusals import refused
from sessions.testing.verified import check_verified
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from sessions.store.store import Store

OpenStore: TypeAlias = "Callable[..., Store]"
"""``open_here(**options)`` returns a store on the test's database; a test calls it once."""

_SECOND = 1_000_000_000
TTL = 10
"""Seconds, of the machine's second reader."""


class MovableClock:
    """The time for all sessions of this process, in seconds; it stands still unless it is moved, also backwards."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 1_800_000_000.0
        monkeypatch.setattr(clock, "time_ns", lambda: int(self.seconds * _SECOND))

    def move(self, seconds: float) -> None:
        """Let time pass; less than 0 sets the clock back."""
        self.seconds += seconds


@dataclass
class Stored:
    """An item of the model."""

    item: dict[str, Any]
    turn: int
    created: float
    expires: float | None
    purged: bool = False

    def is_there(self, now: float, ttl: float | None) -> bool:
        """Tell whether a reader with a time to live sees it."""
        own = self.expires is None or now < self.expires
        return own and not self.purged and (ttl is None or now < self.created + ttl)


@dataclass
class Line:
    """A branch of the model: its items, and the ways forward that redo takes, the last of them last."""

    items: list[Stored] = field(default_factory=list)
    turn: int = 0
    undone: list[tuple[list[Stored], int]] = field(default_factory=list)


class ExpiryMachine(RuleBasedStateMachine):
    """Any sequence of operations leaves the unexpired items, and purging changes nothing that a reader sees."""

    def __init__(self, open_here: OpenStore, time: MovableClock) -> None:
        super().__init__()
        self._store = open_here()
        self._time = time
        self._runner = asyncio.Runner()
        self._lines = {"main": Line()}
        self._all: list[Stored] = []
        self._count = 0

    @initialize()
    def begin(self) -> None:
        session_id = f"expiring-{uuid4()}"
        self._session = self._store.session(session_id)
        self._impatient = self._store.session(session_id, ttl=TTL)

    @rule(roles=st.lists(st.sampled_from(["user", "assistant"]), min_size=1, max_size=4),
          ttl=st.sampled_from([DEFAULT, None, 2, 5, 30]), branch=st.integers(0, 3))  # fmt: skip
    def add(self, roles: list[str], ttl: Any, branch: int) -> None:
        name, line = self._pick(branch)
        items = []
        for role in roles:
            self._count += 1
            items.append({"role": role, "content": str(self._count)})
            line.turn += role == "user"
            expires = self._time.seconds + ttl if isinstance(ttl, int) else None
            self._all.append(Stored(items[-1], line.turn, self._time.seconds, expires))
            line.items.append(self._all[-1])
        line.undone.clear()
        self._runner.run(self._session.on_branch(name).add_items(items, ttl=ttl))

    @rule(seconds=st.sampled_from([1, 2, 3, 7, 40, -4]))
    def move_the_clock(self, seconds: int) -> None:
        self._time.move(seconds)

    @rule(limit=st.integers(1, 6), branch=st.integers(0, 3), patient=st.booleans())
    def read(self, limit: int, branch: int, *, patient: bool) -> None:
        name, line = self._pick(branch)
        session, ttl = (self._session, None) if patient else (self._impatient, TTL)
        assert self._runner.run(session.on_branch(name).get_items(limit)) == self._there(line.items, ttl)[-limit:]

    @rule(branch=st.integers(0, 3))
    def pop(self, branch: int) -> None:
        name, line = self._pick(branch)
        popped = self._runner.run(self._session.on_branch(name).pop_item())
        left = [number for number, stored in enumerate(line.items) if stored.is_there(self._time.seconds, None)]
        if not left:
            assert popped is None
            return
        last = line.items[left[-1]]
        assert popped == last.item
        line.turn = last.turn - (last.item["role"] == "user")
        # Expired items behind it go with it.
        del line.items[left[-1] :]
        line.undone.clear()

    @rule(branch=st.integers(0, 3), count=st.integers(1, 2))
    def undo(self, branch: int, count: int) -> None:
        name, line = self._pick(branch)
        there = {stored.turn for stored in line.items if stored.is_there(self._time.seconds, None)} - {0}
        undoing = self._session.on_branch(name).undo(count)
        if len(there) < count:
            refused(self._runner, undoing, TurnNotFoundError)
            return
        first = sorted(there)[-count]
        cut = next(number for number, stored in enumerate(line.items) if stored.turn >= first)
        line.items, undone = line.items[:cut], line.items[cut:]
        assert self._runner.run(undoing) == self._there(undone, None)
        line.undone.append((undone, line.turn))
        line.turn = first - 1

    @rule(branch=st.integers(0, 3))
    def redo(self, branch: int) -> None:
        name, line = self._pick(branch)
        redoing = self._session.on_branch(name).redo()
        if not line.undone:
            refused(self._runner, redoing, NothingToRedoError)
            return
        redone, line.turn = line.undone.pop()
        assert self._runner.run(redoing) == self._there(redone, None)
        line.items += redone

    @rule(branch=st.integers(0, 3), name=st.sampled_from(["b", "c"]), turn=st.integers(1, 4))
    def fork(self, branch: int, name: str, turn: int) -> None:
        source, line = self._pick(branch)
        making = self._session.branches.create(name, source=source, turn=turn)
        if name in self._lines:
            refused(self._runner, making, BranchExistsError)
        elif turn > line.turn:
            refused(self._runner, making, TurnNotFoundError)
        else:
            kept = [stored for stored in line.items if stored.turn < turn]
            self._lines[name] = Line(kept, turn - 1)
            assert self._runner.run(making).items == len(self._there(kept, None))

    @precondition(lambda self: self._count > 0)
    @rule(of_store=st.booleans(), batch=st.sampled_from([1, 3, 500]))
    def purge(self, *, of_store: bool, batch: int) -> None:
        before = self._runner.run(self._seen())
        purging = self._store.purge_expired if of_store else self._session.purge_expired
        self._runner.run(purging(batch=batch))
        for stored in self._all:
            stored.purged = stored.purged or not stored.is_there(self._time.seconds, None)
        assert self._runner.run(self._seen()) == before
        assert self._runner.run(self._session.purge_expired()) == 0

    @invariant()
    def all_is_there(self) -> None:
        if not hasattr(self, "_session"):
            return
        for session, ttl in ((self._session, None), (self._impatient, TTL)):
            for name, line in self._lines.items():
                there = self._there(line.items, ttl)
                if self._count:
                    assert self._runner.run(session.on_branch(name).get_items()) == there
            if self._count:
                counted = {branch.name: branch.items for branch in self._runner.run(session.branches.list())}
                assert counted == {n: len(self._there(line.items, ttl)) for n, line in self._lines.items()}

    def teardown(self) -> None:
        self._runner.run(check_verified(self._session))
        self._runner.close()

    def _pick(self, number: int) -> tuple[str, Line]:
        names = sorted(self._lines) if self._count else ["main"]
        name = names[number % len(names)]
        return name, self._lines[name]

    def _there(self, items: list[Stored], ttl: float | None) -> list[dict[str, Any]]:
        return [stored.item for stored in items if stored.is_there(self._time.seconds, ttl)]

    async def _seen(self) -> list[Any]:
        """Return all that readers see, but for the items themselves."""
        found: list[Any] = []
        for session in (self._session, self._impatient):
            found.append(await session.branches.list())
            for name in self._lines:
                on_branch = session.on_branch(name)
                page = await on_branch.turns(2)
                found += [page, await on_branch.turns(2, before=page[0].position) if page else [],
                          await on_branch.turns(2, after=0), await on_branch.turns()]  # fmt: skip
                found.append([await on_branch.siblings(turn.number) for turn in found[-1] if turn.number])
                found.append([await on_branch.window(count, turns=turns) for count, turns in ((2, None), (9, 2))])
        return found

"""Any sequence of operations, against a model in which a branch is a list of items and a record is at an item."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sessions.errors import IdempotencyKeyReusedError
from sessions.log import usage
from sessions.log.history.branches import delete_branch
from sessions.log.history.undo import redo, undo
from sessions.log.usage import CALLERS_KEY, Amounts, Call
from sessions.log.usage_sums import read_session
from tests.log.bare_log import MAIN, BareLog, assistant, conversation, user

CONVERSATION = conversation("s")


class Record(NamedTuple):
    """What was recorded, after which item (``None``: before all), in which turn."""

    tokens: int
    after: str | None
    turn: int


class Usage(RuleBasedStateMachine):
    """One session with branches; what it took is recorded on them all the time."""

    @initialize()
    def begin(self) -> None:
        self.log = BareLog()
        self.branches: dict[str, list[str]] = {MAIN: []}
        self.undone: dict[str, list[list[str]]] = {MAIN: []}
        self.current = MAIN
        self.records: dict[str, Record] = {}
        self.names = 0
        self.append(turns=[1])

    @rule(turns=st.lists(st.integers(0, 2), min_size=1, max_size=2))
    def append(self, turns: list[int]) -> None:
        """Add messages of a user, each with so many answers."""
        items = []
        for answers in turns:
            self.names += 1
            items += [f"user {self.names}", *(f"{self.names}.{number}" for number in range(answers))]
        self.log.append(*(user(item) if item.startswith("user") else assistant(item) for item in items))
        self.branches[self.current] += items
        self.undone[self.current] = []

    @rule(tokens=st.integers(1, 5), key=st.integers(0, 12), data=st.data())
    def record(self, tokens: int, key: int, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.branches)))
        items = self.branches[name]
        turn = data.draw(st.none() | st.integers(0, turns_of(items)))
        call = Call((f"{CALLERS_KEY}:{key}",), Amounts(1, tokens), "m", None)

        def do() -> None:
            usage.Record(CONVERSATION, self.log.now(), [call], None, branch=name, turn=turn)(self.log.tx)

        earlier = self.records.get(call.keys[0])
        if earlier is not None and earlier.tokens != tokens:
            with pytest.raises(IdempotencyKeyReusedError):
                do()
            return
        do()
        if earlier is None:
            wanted = turns_of(items) if turn is None else turn
            seen = [item for number, item in enumerate(items, 1) if turns_of(items[:number]) <= wanted]
            self.records[call.keys[0]] = Record(tokens, seen[-1] if seen else None, wanted)

    @precondition(lambda self: len(self.branches) < 5)
    @rule(data=st.data())
    def fork(self, data: st.DataObject) -> None:
        items = self.branches[self.current]
        kept = data.draw(st.integers(0, len(items)))
        self.names += 1
        name = f"branch {self.names}"
        self.log.fork(name, kept, turns_of(items[:kept]))
        self.branches[name], self.undone[name] = items[:kept], []

    @precondition(lambda self: turns_of(self.branches[self.current]) > 0)
    @rule()
    def undo(self) -> None:
        undo(self.log.tx, CONVERSATION, self.log.now(), branch=None, turns=1)
        items = self.branches[self.current]
        self.undone[self.current].append(items)
        last = max(number for number, item in enumerate(items) if item.startswith("user"))
        self.branches[self.current] = items[:last]

    @precondition(lambda self: self.undone[self.current])
    @rule()
    def redo(self) -> None:
        redo(self.log.tx, CONVERSATION, self.log.now(), branch=None)
        self.branches[self.current] = self.undone[self.current].pop()

    @rule(data=st.data())
    def switch(self, data: st.DataObject) -> None:
        self.current = data.draw(st.sampled_from(sorted(self.branches)))
        self.log.switch(self.current)

    @precondition(lambda self: len(self.branches) > 1)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.branches.keys() - {MAIN})))
        delete_branch(self.log.tx, CONVERSATION, self.log.now(), name, force=True)
        del self.branches[name], self.undone[name]
        if self.current == name:
            self.current = MAIN

    @precondition(lambda self: self.names % 8 == 7)  # Not often: it ends all branches.
    @rule()
    def clear(self) -> None:
        self.log.clear()
        self.branches, self.undone, self.current = {MAIN: []}, {MAIN: []}, MAIN

    @invariant()
    def the_session_took_what_was_recorded_once(self) -> None:
        assert self.tokens(read_session(self.log.tx, CONVERSATION, ())) == sum(
            made.tokens for made in self.records.values()
        )

    @invariant()
    def a_branch_took_what_was_recorded_at_what_it_sees(self) -> None:
        by_branch = read_session(self.log.tx, CONVERSATION, ("branch", "turn"))
        for name, items in self.branches.items():
            seen = [made for made in self.records.values() if made.after is None or made.after in items]
            rows = read_session(self.log.tx, CONVERSATION, ("turn",), name)
            for turn in range(turns_of(items) + 1):
                expected = sum(made.tokens for made in seen if made.turn == turn)
                assert self.tokens([row for row in rows if row.values["turn"] == turn]) == expected
            of_branch = [row for row in by_branch if row.values["branch"] == name]
            assert self.tokens(rows) == self.tokens(of_branch) == sum(made.tokens for made in seen)

    @staticmethod
    def tokens(rows: list[Any]) -> int:
        return sum(row.amounts.input_tokens for row in rows)

    def teardown(self) -> None:
        if hasattr(self, "log"):
            assert self.log.damage() == []
            self.log.connection.close()


def turns_of(items: list[str]) -> int:
    return sum(item.startswith("user") for item in items)


TestUsage = Usage.TestCase
TestUsage.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)

"""The model of sessions in the contract suite: JSON as hypothesis makes it, and a plain list."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sessions.errors import IdempotencyKeyReusedError
from sessions.protocol import Session
from sessions.testing.verified import check_verified

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


Item: TypeAlias = dict[str, Any]
MakeSession: TypeAlias = "Callable[..., KeyedSession]"
"""``make(session_id, **settings)`` returns a new object; objects of one id are one conversation."""


class KeyedSession(Session, Protocol):
    """A session that also takes idempotency keys, as sessions of this package do."""

    async def add_items(self, items: Sequence[Mapping[str, object]], *, idempotency_key: str | None = None) -> None:
        """Append items; however often the same ones come with the same key, they are added once."""
        ...


def json_values(*, max_leaves: int = 20) -> st.SearchStrategy[Any]:
    """Every JSON value: integers of any size, finite floats, all of Unicode but lone surrogates."""
    text = st.text(st.characters(exclude_categories=["Cs"]))
    scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text
    return st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=max_leaves)


def json_items(*, max_leaves: int = 20) -> st.SearchStrategy[Item]:
    """Every JSON object, and objects with the members that stores look at.

    Fewer leaves are made in a third of the time, where a test is not about what is inside of items.
    """
    text = st.text(st.characters(exclude_categories=["Cs"]))
    values = json_values(max_leaves=max_leaves)
    looked_at = st.fixed_dictionaries(
        {},
        optional={
            "role": st.sampled_from(["user", "assistant", "system", "tool"]) | values,
            "type": st.sampled_from(["message", "function_call", "function_call_output"]) | values,
            "name": values,
            "call_id": values,
            "tool_calls": values,
        },
    )
    return st.dictionaries(text, values, max_size=4) | looked_at


def user(text: str) -> Item:
    """Return a user's message."""
    return {"role": "user", "content": text}


def check_batches(items: list[Any], *, writers: int, batches: int, parts: int) -> None:
    """Check items ``{"writer", "batch", "part"}``: none lost or twice, batches whole, each writer's in order."""
    assert len(items) == writers * batches * parts
    seen = dict.fromkeys(range(writers), 0)
    for start in range(0, len(items), parts):
        writer = items[start]["writer"]
        expected = [{"writer": writer, "batch": seen[writer], "part": part} for part in range(parts)]
        assert items[start : start + parts] == expected
        seen[writer] += 1
    assert set(seen.values()) == {batches}


def assert_same(found: Any, expected: Any) -> None:
    """Compare as JSON does: 1, 1.0 and true are different, 0.0 and -0.0 too; the order of members is kept."""
    assert repr(found) == repr(expected)


class ListMachine(RuleBasedStateMachine):
    """Any sequence of operations on two objects of one session has the same effects as on a list."""

    def __init__(self, make: MakeSession) -> None:
        super().__init__()
        self._make = make
        self._runner = asyncio.Runner()
        self._model: list[Item] = []
        self._keys: dict[str, list[Item]] = {}

    @initialize()
    def begin(self) -> None:
        session_id = f"machine-{uuid4()}"
        self._sessions = (self._make(session_id), self._make(session_id))

    @rule(which=st.integers(0, 1), items=st.lists(json_items(max_leaves=3), max_size=3))
    def add(self, which: int, items: list[Item]) -> None:
        self._runner.run(self._sessions[which].add_items(items))
        self._model += items

    @rule(which=st.integers(0, 1), items=st.lists(json_items(max_leaves=3), max_size=2), key=st.sampled_from("abc"))
    def add_with_key(self, which: int, items: list[Item], key: str) -> None:
        adding = self._sessions[which].add_items(items, idempotency_key=key)
        known = self._keys.setdefault(key, items)
        if known is items:
            self._model += items
        elif repr(known) != repr(items):
            with suppress(IdempotencyKeyReusedError):  # Not raised where only the order of members differs.
                self._runner.run(adding)
            return
        self._runner.run(adding)

    @rule(which=st.integers(0, 1))
    def pop(self, which: int) -> None:
        expected = self._model.pop() if self._model else None
        assert_same(self._runner.run(self._sessions[which].pop_item()), expected)

    @rule(which=st.integers(0, 1))
    def clear(self, which: int) -> None:
        self._runner.run(self._sessions[which].clear_session())
        self._model.clear()

    @rule(which=st.integers(0, 1), limit=st.integers(0, 12))
    def read(self, which: int, limit: int) -> None:
        expected = self._model[-limit:] if limit else []
        assert_same(self._runner.run(self._sessions[which].get_items(limit)), expected)

    @invariant()
    def all_is_there(self) -> None:
        if hasattr(self, "_sessions"):
            assert_same(self._runner.run(self._sessions[0].get_items()), self._model)

    def teardown(self) -> None:
        if hasattr(self._sessions[0], "verify"):
            self._runner.run(check_verified(self._sessions[0]))
        self._runner.close()

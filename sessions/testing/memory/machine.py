"""Any sequence of operations on memories, compared with a plain dictionary."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sessions.errors import ConflictError
from sessions.testing.list_model import json_values
from sessions.testing.refusals import refused
from sessions.types.memories import Put

if TYPE_CHECKING:
    from sessions.testing.expiry_model import MovableClock, OpenStore
    from sessions.types.memories import Memory

Labels = tuple[str, ...]
NAMESPACES: Final = st.sampled_from([("a",), ("a", "b"), ("ab",), ("\x01",), ("\x02", "b"), ("A",), ("é😀",)])
PREFIXES: Final = st.sampled_from([(), ("a",), ("\x02",), ("é😀",), ("b",)])
KEYS: Final = st.sampled_from(["k", "K", "k ", "%", "😀"])
VALUES: Final = st.dictionaries(st.sampled_from(["text", "n", ""]), json_values(), max_size=3)
TTLS: Final = st.sampled_from([None, 5, 60])


class MemoryMachine(RuleBasedStateMachine):
    """The model: values with their lives and ends, by namespace and key."""

    def __init__(self, open_here: OpenStore, time: MovableClock) -> None:
        super().__init__()
        self._store = open_here()
        self._time = time
        self._mine = self._store.memories.under((f"{uuid4()}",))
        self._runner = asyncio.Runner()
        self._model: dict[tuple[Labels, str], tuple[dict[str, Any], float | None, float | None]] = {}
        self._versions: dict[tuple[Labels, str], int] = {}

    def _live(self) -> dict[tuple[Labels, str], dict[str, Any]]:
        now = self._time.seconds
        return {one: value for one, (value, _, ends) in self._model.items() if ends is None or ends > now}

    def _put(self, memory: Memory, ttl: float | None) -> None:
        one = memory.namespace, memory.key
        assert memory.version > self._versions.get(one, 0)
        self._versions[one] = memory.version
        self._model[one] = memory.value, ttl, None if ttl is None else self._time.seconds + ttl

    @rule(seconds=st.sampled_from([1, 5, 60]))
    def move_the_clock(self, seconds: int) -> None:
        self._time.move(seconds)

    @rule(namespace=NAMESPACES, key=KEYS, value=VALUES, ttl=TTLS)
    def put(self, namespace: Labels, key: str, value: dict[str, Any], ttl: float | None) -> None:
        memory = self._runner.run(self._mine.put(namespace, key, value, ttl=ttl))
        assert (memory.namespace, memory.key, memory.value) == (namespace, key, value)
        self._put(memory, ttl)

    @rule(puts=st.lists(st.tuples(NAMESPACES, KEYS, VALUES), max_size=6, unique_by=lambda one: one[:2]))
    def put_many(self, puts: list[tuple[Labels, str, dict[str, Any]]]) -> None:
        for memory in self._runner.run(self._mine.put_many([Put(*one) for one in puts])):
            self._put(memory, None)

    @rule(namespace=NAMESPACES, key=KEYS, older=st.booleans())
    def put_at_a_version(self, namespace: Labels, key: str, older: bool) -> None:  # noqa: FBT001 - drawn
        is_there = (namespace, key) in self._live()
        version = self._versions.get((namespace, key), 0) if is_there else 0
        if older:
            refused(self._runner, self._mine.put(namespace, key, {"lost": 1}, if_version=version + 1), ConflictError)
        else:
            self._put(self._runner.run(self._mine.put(namespace, key, {"n": 1}, if_version=version)), None)

    @rule(namespace=NAMESPACES, key=KEYS)
    def update(self, namespace: Labels, key: str) -> None:
        present = self._live().get((namespace, key))
        seen = []

        def change(value: dict[str, Any] | None) -> dict[str, Any] | None:
            seen.append(value)
            return None if value and "gone" in value else {"gone": 1}

        memory = self._runner.run(self._mine.update(namespace, key, change))
        assert seen == [present]
        if memory is None:
            self._model.pop((namespace, key), None)
        else:
            # It keeps its life, which begins again.
            self._put(memory, None if present is None else self._model[namespace, key][1])

    @rule(namespace=NAMESPACES, key=KEYS)
    def delete(self, namespace: Labels, key: str) -> None:
        existed = (namespace, key) in self._live()
        assert self._runner.run(self._mine.delete(namespace, key)) == existed
        self._model.pop((namespace, key), None)

    @rule(prefix=PREFIXES)
    def erase(self, prefix: Labels) -> None:
        self._runner.run(self._mine.erase(prefix, scrub=False))
        self._model = {one: known for one, known in self._model.items() if one[0][: len(prefix)] != prefix}

    @rule()
    def purge(self) -> None:
        self._runner.run(self._store.memories.purge_expired(batch=2))

    @rule(namespace=NAMESPACES, key=KEYS, prefix=PREFIXES, limit=st.sampled_from([1, 3, 100]))
    def read(self, namespace: Labels, key: str, prefix: Labels, limit: int) -> None:
        self._runner.run(self._compare(namespace, key, prefix, limit))

    async def _compare(self, namespace: Labels, key: str, prefix: Labels, limit: int) -> None:
        live = self._live()
        found = await self._mine.get(namespace, key)
        assert (found and found.value) == live.get((namespace, key))
        below = {one: value for one, value in live.items() if one[0][: len(prefix)] == prefix}
        assert await self._mine.count(prefix) == len(below)
        pages: dict[tuple[Labels, str], dict[str, Any]] = {}
        cursor = None
        while page := await self._mine.list(prefix, limit=limit, after=cursor):
            pages |= {(one.namespace, one.key): one.value for one in page}
            cursor = page[-1].cursor
        assert pages == below
        assert list(pages) == sorted(below, key=_order)

    @invariant()
    def lists_what_the_model_has(self) -> None:
        listed = self._runner.run(self._mine.list(limit=1_000))
        assert {(one.namespace, one.key): one.value for one in listed} == self._live()
        for one in listed:
            assert one.version == self._versions[one.namespace, one.key]

    def teardown(self) -> None:
        self._runner.run(self._finish())
        self._runner.close()

    async def _finish(self) -> None:
        theirs = "namespace number"
        assert [str(one) async for one in self._store.verify() if (one.place or "").startswith(theirs)] == []
        await self._store.close()


def _order(one: tuple[Labels, str]) -> tuple[list[bytes], bytes]:
    labels, key = one
    escaped = {"\x01": "\x02\x02", "\x02": "\x02\x03"}
    stored = ["".join(escaped.get(letter, letter) for letter in label).encode() + b"\x01" for label in labels]
    return stored, key.encode()

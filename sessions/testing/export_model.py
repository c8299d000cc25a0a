"""The model of an imported session: the session that was exported. They stay equal through the same operations."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from sessions.errors import SessionsError
from sessions.testing.observing import differences, observe, without_ids

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessions.session.base import LogSession
    from sessions.store.store import Store
    from sessions.testing.expiry_model import MovableClock, OpenStore


def keyed(key: str) -> dict[str, Any]:
    """Return the item of a key."""
    return {"role": "user", "content": key}


async def exported(store: Store, *ids: str) -> list[bytes]:
    """Return the lines of an export of some sessions, without the first one, which has its time."""
    pieces = [piece async for piece in store.export_lines(ids, plain=True)]
    return b"".join(pieces).splitlines(keepends=True)


def comparable(lines: list[bytes]) -> list[Any]:
    """Return lines without the fields that depend on the store they come from.

    `encrypted` tells whether a session was encrypted there: then the digests of idempotency keys are lost, and those of
    item keys whose items are gone.
    """
    found = []
    for line in map(msgspec.json.decode, lines[1:]):
        for name in ("encrypted", "cursor", "digest"):
            line.pop(name, None)
        found.append(line)
    # Keys are in the order of their entries; those of entries that are gone may be anywhere.
    return sorted(found, key=lambda line: (line["type"], repr(line)) if line["type"] == "key" else ("", ""))


def without_ends(value: Any) -> Any:
    """Return an observation, or lines, without the ends of keys, which go by the server's own clock."""
    if isinstance(value, dict):
        return {name: without_ends(one) for name, one in value.items() if name != "until"}
    return [without_ends(one) for one in value] if isinstance(value, list) else value


class ExportMachine(RuleBasedStateMachine):
    """A session is moved to another store and back at any moment, and goes on as if it had not been."""

    def __init__(self, open_here: OpenStore, elsewhere: Store, time: MovableClock) -> None:
        super().__init__()
        self._here = open_here()
        self._elsewhere = elsewhere
        self._time = time
        self._runner = asyncio.Runner()
        self._count = 0
        self._keys: list[str] = []
        self._once: list[str] = []
        self._moved = False

    @initialize()
    def begin(self) -> None:
        self._id = f"moving-{uuid4()}"

    @rule(roles=st.lists(st.sampled_from(["user", "assistant"]), min_size=1, max_size=4),
          ttl=st.sampled_from([None, None, 5, 30]), author=st.sampled_from([None, "ann"]))  # fmt: skip
    def add(self, roles: list[str], ttl: int | None, author: str | None) -> None:
        items = []
        for role in roles:
            self._count += 1
            items.append({"role": role, "content": f"{self._count} e\u0301 \u2028 \x00"})
        self._do(lambda session: session.as_author(author or "bob").add_items(items, ttl=ttl))

    @rule(count=st.integers(1, 2))
    def add_keyed(self, count: int) -> None:
        keys = [f"key {self._count + number}" for number in range(count)]
        self._count += count
        self._keys += keys
        self._do(lambda session: session.add_items([keyed(key) for key in keys], keys=keys))

    @rule()
    def add_once(self) -> None:
        self._count += 1
        self._once.append(f"once {self._count}")
        self._do(lambda session: session.add_items([keyed(self._once[-1])], idempotency_key=self._once[-1]))

    @rule()
    def call_a_tool(self) -> None:
        self._count += 1
        call = {"type": "function_call", "call_id": f"c{self._count}", "name": "f", "arguments": "{}"}
        output = {"type": "function_call_output", "call_id": f"c{self._count}", "output": "1"}
        self._do(lambda session: session.add_items([call, output]))

    @rule(repaired=st.booleans(), answered=st.booleans())
    def leave_a_call_open(self, *, repaired: bool, answered: bool) -> None:
        self._count += 1
        call = {"type": "function_call", "call_id": f"c{self._count}", "name": "f", "arguments": "{}"}
        self._do(lambda session: session.add_items([call]))
        if repaired:
            self._do(lambda session: session.repair(apply=True))
        if answered:
            output = {"type": "function_call_output", "call_id": f"c{self._count}", "output": "late"}
            self._do(lambda session: session.add_items([output]))

    @rule()
    def repair(self) -> None:
        self._do(lambda session: session.repair(apply=True))

    @rule(turns=st.integers(1, 2))
    def undo(self, turns: int) -> None:
        self._do(lambda session: session.undo(turns))

    @rule()
    def redo(self) -> None:
        self._do(lambda session: session.redo())

    @rule()
    def pop(self) -> None:
        self._do(lambda session: session.pop_item())

    @rule(number=st.integers(0, 3))
    def choose(self, number: int) -> None:
        async def choose(session: LogSession) -> None:
            siblings = await session.ways_on() or await session.siblings()
            if siblings:
                await session.choose(siblings[number % len(siblings)])

        self._do(choose)

    @rule(name=st.sampled_from(["x", "y", "z"]), turn=st.integers(1, 3), switch=st.booleans())
    def branch(self, name: str, turn: int, *, switch: bool) -> None:
        self._do(lambda session: session.branches.create(name, turn=turn, switch=switch))

    @rule(name=st.sampled_from(["main", "x", "y", "z"]), how=st.sampled_from(["switch", "delete", "rename"]))
    def change_branch(self, name: str, how: str) -> None:
        async def change(session: LogSession) -> None:
            match how:
                case "switch":
                    await session.branches.switch(name)
                case "delete":
                    await session.branches.delete(name, force=True)
                case _:
                    await session.branches.rename(name, "z")

        self._do(change)

    @rule(fails=st.sampled_from([None, "keep", "drop"]), turn=st.sampled_from([None, 1]))
    def attempt(self, fails: Any, turn: int | None) -> None:
        self._count += 1
        item = {"role": "assistant", "content": f"tried {self._count}"}

        async def attempt(session: LogSession) -> None:
            async with session.attempt(turn=turn, on_failure=fails or "keep") as tried:
                await tried.add_items([item])
                if fails:
                    raise SessionsError("tried")

        self._do(attempt)

    @rule()
    def hand_over(self) -> None:
        self._do(lambda session: session.handover("bob", note="take it"))

    @rule()
    def compact(self) -> None:
        async def summarise(items: list[Any]) -> Any:
            return {"role": "assistant", "content": f"{len(items)} items"}

        self._do(lambda session: session.compact(summarise, keep_items=1))

    @rule(turn=st.sampled_from([None, 1]), key=st.sampled_from(["u", "v"]), tokens=st.integers(1, 3))
    def record(self, turn: int | None, key: str, tokens: int) -> None:
        self._do(lambda session: session.usage.record(input_tokens=tokens, key=key, model="m", cost="0.1", turn=turn))

    @rule(title=st.sampled_from([None, "t"]), tags=st.sampled_from([[], ["b", "a"]]), archived=st.booleans())
    def set_info(self, title: str | None, tags: list[str], *, archived: bool) -> None:
        self._do(lambda s: s.set_info(title=title, tags=tags, archived=archived, metadata={"n": [1, None, {}]}))

    @rule()
    def clear(self) -> None:
        self._do(lambda session: session.clear_session())

    @rule(seconds=st.sampled_from([1, 6, 40, 100]))
    def move_the_clock(self, seconds: int) -> None:
        self._time.move(seconds)

    @precondition(lambda self: not self._moved)
    @rule()
    def move(self) -> None:
        self._runner.run(self._move())

    @precondition(lambda self: self._moved)
    @rule()
    def compare(self) -> None:
        self._runner.run(self._compare())

    @precondition(lambda self: self._moved)
    @rule()
    def move_back(self) -> None:
        self._runner.run(self._move_back())

    def teardown(self) -> None:
        if self._moved:
            self._runner.run(self._compare())
            self._runner.run(self._deliver_again())
        self._runner.run(self._here.delete(self._id))
        self._runner.run(self._elsewhere.delete(self._id))
        self._runner.close()

    async def _move(self) -> None:
        if await self._here.get(self._id) is None:
            return
        lines = await exported(self._here, self._id)
        imported = await self._elsewhere.import_sessions(lines)
        assert (imported.sessions, imported.skipped) == (1, 0)
        self._moved = True
        found = differences(await observe(self._elsewhere, self._id), await observe(self._here, self._id))
        found = found or differences(comparable(await exported(self._elsewhere, self._id)), comparable(lines))
        found += [str(finding) async for finding in self._elsewhere.session(self._id).verify()]
        assert found == [], found

    async def _move_back(self) -> None:
        before = await observe(self._here, self._id)
        lines = await exported(self._elsewhere, self._id)
        assert await self._here.delete(self._id)
        await self._here.import_sessions(lines)
        found = differences(await observe(self._here, self._id), before)
        assert found == [], found
        assert comparable(await exported(self._here, self._id)) == comparable(lines)
        await self._elsewhere.delete(self._id)
        self._moved = False

    async def _compare(self) -> None:
        """Compare all."""
        here, elsewhere = [
            (
                await observe(store, self._id),
                sorted(without_ends(comparable(await exported(store, self._id))), key=repr),
            )
            for store in (self._here, self._elsewhere)
        ]
        found = differences(elsewhere, here)
        assert found == [], found

    async def _deliver_again(self) -> None:
        """Add items again under their keys: both sessions skip the same ones."""
        again: list[dict[str, Any]] = [{"keys": [key], "items": [keyed(key)]} for key in self._keys[-6:]]
        again += [{"idempotency_key": key, "items": [keyed(key)]} for key in self._once[-6:]]
        seen = []
        for store in (self._here, self._elsewhere):
            session = store.session(self._id)
            answers = [await _answer(partial(_add, arguments=arguments), session) for arguments in again]
            items = [await session.on_branch(branch.name).get_items() for branch in await session.branches.list()]
            seen.append((answers, items, await session.version()))
        assert seen[0] == seen[1]

    def _do(self, operation: Callable[[LogSession], Awaitable[Any]]) -> None:
        """Do the same to both sessions, which answer alike."""
        stores = (self._here, self._elsewhere)[: 1 + self._moved]
        answers = [self._runner.run(_answer(operation, store.session(self._id))) for store in stores]
        assert answers[:1] * len(answers) == answers


async def _add(session: LogSession, arguments: dict[str, Any]) -> None:
    await session.add_items(**arguments)


async def _answer(operation: Callable[[LogSession], Awaitable[Any]], session: LogSession) -> Any:
    """Return the result of an operation, or its error."""
    try:
        result = await operation(session)
    except SessionsError as error:
        return type(error).__name__, without_ids(str(error))
    return without_ids(result)

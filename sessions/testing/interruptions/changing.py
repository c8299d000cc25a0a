"""Interruptions: cancelled changes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import pytest

from sessions.testing.interruptions.cancel import WAYS, cycles
from sessions.testing.interruptions.shared import Operation, summarise
from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.fixtures import MakeLogSession

_CALL: Final = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}


async def _choose_the_other(session: LogSession) -> None:
    await session.choose((await session.siblings(2))[0])


CHANGES: Final[dict[str, Operation]] = {
    "add_items": lambda s: s.add_items([item("u9"), item("a9")]),
    "add_items with a key": lambda s: s.add_items([item("u9")], idempotency_key="k"),
    "pop_item": lambda s: s.pop_item(),
    "clear_session": lambda s: s.clear_session(),
    "undo": lambda s: s.undo(),
    "rewind": lambda s: s.rewind(1),
    "choose": _choose_the_other,
    "create": lambda s: s.branches.create("c", switch=True),
    "switch": lambda s: s.branches.switch("b"),
    "rename": lambda s: s.branches.rename("b", "d"),
    "delete": lambda s: s.branches.delete("b"),
    "handover": lambda s: s.handover("somebody"),
    "repair": lambda s: s.repair(apply=True),
    "compact": lambda s: s.compact(summarise),
    "undo_compaction": lambda s: s.undo_compaction(),
    "record": lambda s: s.usage.record(model="m", input_tokens=1, output_tokens=2),
}


async def _fill(session: LogSession, change: str) -> None:
    await session.add_items([item("u1"), item("a1"), item("u2"), item("a2")])
    await session.branches.create("b", turn=2)
    await session.undo()
    await session.add_items([item("u3"), _CALL if change == "repair" else item("a3")])
    if change == "undo_compaction":
        await session.compact(summarise)


async def _state(session: LogSession) -> list[Any]:
    """Return all that a change may change, but for ids and times."""
    listed = await session.branches.list()
    state: list[Any] = [(branch.name, branch.current, branch.items, branch.redoable) for branch in listed]
    for branch in listed:
        there = session.on_branch(branch.name)
        state.append([(entry.kind, entry.hidden, _plainly(entry.item)) for entry in await there.entries()])
        state.append(await there.get_items())
    usage = await session.usage.total()
    return [*state, usage.requests, usage.input_tokens]


def _plainly(found: Any) -> Any:
    """Return an item without a time that it may hold."""
    return {key: value for key, value in found.items() if key != "made_at"}


class Changing:
    """A cancelled change has happened wholly or not at all."""

    @pytest.mark.parametrize("change", CHANGES)
    async def test_a_change_has_happened_wholly_or_not_at_all(self, make: MakeLogSession, change: str) -> None:
        own = f"{uuid4()}"
        whole = make(f"whole {own}")
        await _fill(whole, change)
        before = await _state(whole)
        await CHANGES[change](whole)
        after = await _state(whole)
        assert after != before
        ways = list(WAYS.values())
        cancelled = 0
        for steps in (0, 1, 2, 3, 4, 6, 9, 13, 19):
            session = make(f"{steps} {own}")
            await _fill(session, change)
            cancelled += await ways[steps % len(ways)](partial(CHANGES[change], session), cycles(steps))
            fresh = make(f"{steps} {own}")
            state = await _state(fresh)
            assert state in (before, after)
            # It is decided by now: nothing comes later.
            await make("somebody else").add_items([item("u1")])
            assert await _state(fresh) == state
            await fresh.add_items([item("u4")])
        assert cancelled

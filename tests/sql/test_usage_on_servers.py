"""Usage on every database that SQLAlchemy reaches: the same records, sums and errors."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from agents.usage import Usage as AgentsUsage

from sessions import IdempotencyKeyReusedError, Price, Store, ToolUse, Usage, UsageRow, open_store
from sessions.session.usage import usage as usage_module

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NAME = "Modell é 😀 "
MOST = 10**12


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    async with open_store(url, create_tables=True) as opened:
        yield opened


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def shown(rows: list[UsageRow], *keys: str) -> list[tuple[object, ...]]:
    return [(*(getattr(row, key) for key in keys), row.usage.input_tokens) for row in rows]


async def test_numbers_names_and_costs_come_back_as_they_were(store: Store) -> None:
    session = store.session("ä")
    for name in (NAME, NAME.strip(), NAME.lower()):
        await session.usage.record(
            input_tokens=MOST, cached_tokens=3, cache_write_tokens=4, output_tokens=MOST, reasoning_tokens=6,
            requests=7, model=name, agent=name, cost="999999.123456789",
        )  # fmt: skip

    one = Usage(7, MOST, 3, 4, MOST, 6, Decimal("999999.123456789"))
    rows = await session.usage.by("model", "agent")
    assert {(row.model, row.agent) for row in rows} == {(name, name) for name in (NAME, NAME.strip(), NAME.lower())}
    assert [row.usage for row in rows] == [one] * 3
    assert await session.usage.total() == one + one + one
    assert await store.usage("session") == [UsageRow(one + one + one, session="ä")]


async def test_every_key_groups(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    session = store.session("s")
    monkeypatch.setattr(usage_module, "now", lambda: round(datetime(2025, 3, 1, 23, tzinfo=UTC).timestamp() * 10**6))
    await session.add_items([user("1")])
    await session.usage.record(input_tokens=1, model="m")
    await session.branches.create("what-if", turn=1)
    monkeypatch.setattr(usage_module, "now", lambda: round(datetime(2025, 3, 2, tzinfo=UTC).timestamp() * 10**6))
    await session.add_items([user("2")])
    await session.usage.record(input_tokens=10, agent="a")
    await store.session("other").usage.record(input_tokens=100, model="m", cost=1)

    keys = ("turn", "model", "agent", "day")
    expected = [(1, "m", None, date(2025, 3, 1), 1), (2, None, "a", date(2025, 3, 2), 10)]
    assert shown(await session.usage.by(*keys), *keys) == expected
    assert shown(await session.usage.by(*keys, branch="main"), *keys) == expected
    for key, row in zip(keys, zip(*expected, strict=True), strict=False):
        values = sorted(zip(row, (1, 10), strict=True), key=lambda pair: (pair[0] is not None, pair[0]))
        assert shown(await session.usage.by(key), key) == values
    assert shown(await session.usage.by("branch"), "branch") == [("main", 11), ("what-if", 0)]
    assert shown(await store.usage("session", *keys), "session", *keys) == [
        ("other", 0, "m", None, date(2025, 3, 2), 100),
        *(("s", *row) for row in expected),
    ]
    assert shown(await store.usage("day"), "day") == [(date(2025, 3, 1), 1), (date(2025, 3, 2), 110)]
    assert await store.usage(since=date(2025, 3, 2), prices={"m": Price(1, 1)}) == [
        UsageRow(Usage(2, 110, cost=Decimal(1), unpriced_tokens=10))
    ]


async def test_keys_count_once(store: Store) -> None:
    session = store.session("s")
    for _ in range(2):
        await session.usage.record(input_tokens=1, key="k")
        await session.usage.record({"id": "k", "usage": {"input_tokens": 10}})
        await session.usage.record(input_tokens=100, key="K")
        await session.usage.record({"id": "k", "usage": {"input_tokens": 10}}, cost="0.5")
    with pytest.raises(IdempotencyKeyReusedError):
        await session.usage.record(input_tokens=2, key="k")

    assert await session.usage.total() == Usage(3, 111, cost=Decimal("0.5"), unpriced_tokens=101)


async def test_a_run_is_recorded_as_it_grows(store: Store) -> None:
    usage = AgentsUsage(requests=1, input_tokens=10)
    session = store.session("s")
    for _ in range(12):
        await session.usage.record(usage)
        await session.usage.record(usage)
        usage.input_tokens += 1
    await session.usage.record(usage)

    assert await session.usage.total() == Usage(1, 22, unpriced_tokens=22)


async def test_many_at_once_count_once(store: Store, url: str) -> None:
    responses: list[Any] = [{"id": f"r{number % 5}", "usage": {"input_tokens": 1}} for number in range(30)]
    async with open_store(url, create_tables=True) as other:
        sessions = [store.session("s"), other.session("s")]
        await asyncio.gather(*(sessions[number % 2].usage.record(each) for number, each in enumerate(responses)))

    assert (await store.session("s").usage.total()).requests == 5


async def test_what_it_cost_outlives_all_but_the_session(store: Store) -> None:
    session = store.session("s")
    await session.add_items([user("1")])
    await session.usage.record(input_tokens=1)
    await session.branches.create("what-if", switch=True)
    await session.add_items([user("2")])
    await session.usage.record(input_tokens=10, turn=2)
    await session.branches.switch("main")
    await session.branches.delete("what-if")
    await session.undo()

    assert (await session.usage.total()).input_tokens == 11
    assert (await session.usage.total(branch="main")).input_tokens == 0
    await session.clear_session()
    assert (await session.usage.total()).input_tokens == 11
    await store.delete("s")
    assert await session.usage.total() == Usage()


async def test_tools_are_counted(store: Store) -> None:
    session = store.session("s")
    call = {"type": "function_call", "call_id": "1", "name": NAME}
    await session.add_items([user("1"), call, {"type": "function_call_output", "call_id": "1", "status": "failed"}])

    assert await session.usage.tools() == [ToolUse(NAME, 1, 1, 1, 0)]

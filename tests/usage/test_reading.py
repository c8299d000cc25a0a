"""Totals and series: by turn, model, agent, day and branch, with and without prices, of a session and of a store."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from sessions import Price, Store, Usage, UsageRow, open_store
from sessions.session.usage import usage as usage_module

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sessions import AsyncSQLiteSession


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(f"sqlite:///{tmp_path}/store.db") as opened:
        yield opened


@pytest.fixture
def day(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set the time of what is recorded."""

    def at(*when: int) -> None:
        moment = datetime(*when, tzinfo=UTC)  # type: ignore[misc,arg-type]
        monkeypatch.setattr(usage_module, "now", lambda: round(moment.timestamp() * 1_000_000))

    return at


def shown(rows: list[UsageRow], *keys: str) -> list[tuple[object, ...]]:
    return [(*(getattr(row, key) for key in keys), row.usage.input_tokens) for row in rows]


async def test_rows_are_in_the_order_of_their_keys_and_what_is_not_known_is_first(session: AsyncSQLiteSession) -> None:
    for tokens, model, agent in ((1, "m", "b"), (2, "m", "a"), (4, None, "a"), (8, "k", None), (16, "m", "a")):
        await session.usage.record(input_tokens=tokens, model=model, agent=agent)

    usage = session.usage
    assert shown(await usage.by("model"), "model") == [(None, 4), ("k", 8), ("m", 19)]
    by_both = await usage.by("agent", "model")
    assert shown(by_both, "agent", "model") == [(None, "k", 8), ("a", None, 4), ("a", "m", 18), ("b", "m", 1)]
    assert shown(await usage.by()) == [(31,)]


async def test_days_are_those_of_utc(session: AsyncSQLiteSession, day: Any) -> None:
    for tokens, when in ((1, (2025, 3, 1, 23, 59, 59, 999_999)), (2, (2025, 3, 2)), (4, (2025, 3, 2, 23))):
        day(*when)
        await session.usage.record(input_tokens=tokens)

    rows = await session.usage.by("day")
    assert shown(rows, "day") == [(date(2025, 3, 1), 1), (date(2025, 3, 2), 6)]


async def test_branches_include_what_they_inherit_and_do_not_add_up(session: AsyncSQLiteSession) -> None:
    await session.add_items([user("1")])
    await session.usage.record(input_tokens=1, model="m")
    await session.add_items([user("2")])
    await session.usage.record(input_tokens=10, model="m")
    await session.branches.create("what-if", turn=2, switch=True)
    await session.add_items([user("2, else")])
    await session.usage.record(input_tokens=100, model="k")
    await session.branches.create("empty", position=0)

    usage = session.usage
    assert shown(await usage.by("branch"), "branch") == [("empty", 0), ("main", 11), ("what-if", 101)]
    assert shown(await usage.by("branch", branch="main"), "branch") == [("main", 11)]
    by_both = await usage.by("branch", "model")
    assert shown(by_both, "branch", "model") == [("main", "m", 11), ("what-if", "k", 100), ("what-if", "m", 1)]
    assert shown(await usage.by("turn", branch="what-if"), "turn") == [(1, 1), (2, 100)]
    assert (await usage.total()).input_tokens == 111


async def test_what_a_branch_left_is_no_branch_and_still_paid(session: AsyncSQLiteSession) -> None:
    await session.add_items([user("1")])
    await session.usage.record(input_tokens=1)
    await session.undo()
    await session.add_items([user("1, edited")])
    await session.usage.record(input_tokens=10)

    assert shown(await session.usage.by("branch"), "branch") == [("main", 10)]
    assert (await session.usage.total(turn=1)).input_tokens == 11
    first, _ = await session.siblings(1)
    await session.choose(first)
    assert shown(await session.usage.by("branch"), "branch") == [("main", 1)]


async def test_what_was_undone_popped_or_removed_is_still_paid(session: AsyncSQLiteSession) -> None:
    async def both() -> tuple[int, int]:
        usage = session.usage
        return (await usage.total()).input_tokens, (await usage.total(branch="main")).input_tokens

    await session.add_items([user("1")])
    await session.usage.record(input_tokens=1)
    await session.add_items([user("2")])
    await session.usage.record(input_tokens=10)
    assert await both() == (11, 11)
    await session.undo()
    assert await both() == (11, 1)
    await session.redo()
    assert await both() == (11, 11)
    await session.branches.create("what-if", switch=True)
    await session.add_items([user("3")])
    await session.usage.record(input_tokens=100)
    await session.branches.switch("main")
    await session.branches.delete("what-if")
    assert await both() == (111, 11)
    await session.pop_item()
    assert await both() == (111, 1)
    await session.clear_session()
    assert await both() == (111, 0)
    await session.add_items([user("1")])
    assert await both() == (111, 0)


async def test_costs_of_the_caller_go_before_prices_and_prices_before_nothing(session: AsyncSQLiteSession) -> None:
    tokens: dict[str, Any] = {
        "input_tokens": 1000,
        "cached_tokens": 600,
        "cache_write_tokens": 100,
        "output_tokens": 10,
    }
    await session.usage.record(**tokens, model="m")
    await session.usage.record(**tokens, model="m", cost="7")
    await session.usage.record(**tokens, model="other")
    await session.usage.record(**tokens)

    price = Price(input=2, cached_input="0.5", cache_write=Decimal("2.5"), output=0.1)
    by_price = Decimal(300 * 2 + 600 * Decimal("0.5") + 100 * Decimal("2.5") + 10 * Decimal("0.1")) / 1_000_000
    assert await session.usage.total(prices={"m": price}) == Usage(
        4, 4000, 2400, 400, 40, cost=by_price + 7, unpriced_tokens=2020
    )
    assert await session.usage.total() == Usage(4, 4000, 2400, 400, 40, cost=Decimal(7), unpriced_tokens=3030)
    rows = await session.usage.by("model", prices={"m": Price(2, 1)})
    costs = [(row.model, row.usage.cost, row.usage.unpriced_tokens) for row in rows]
    assert costs == [(None, None, 1010), ("m", Decimal("7.00201"), 0), ("other", None, 1010)]


async def test_a_store_adds_up_all_its_sessions(store: Store, day: Any) -> None:
    assert await store.usage() == [UsageRow(Usage())]
    assert await store.usage("session") == []
    for number, session_id in enumerate(("b", "a", "ä")):
        day(2025, 3, 1 + number)
        await store.session(session_id).usage.record(input_tokens=10**number, model="m", agent="x", cost=1)

    assert await store.usage() == [UsageRow(Usage(3, 111, cost=Decimal(3)))]
    assert shown(await store.usage("session"), "session") == [("a", 10), ("b", 1), ("ä", 100)]
    keys = ("day", "model", "agent", "turn", "session")
    assert shown(await store.usage(*keys), *keys)[0] == (date(2025, 3, 1), "m", "x", 0, "b", 1)
    assert await store.delete("ä")
    assert shown(await store.usage()) == [(11,)]


async def test_a_store_adds_up_a_time(store: Store, day: Any) -> None:
    for number, when in enumerate(((2025, 3, 1, 23), (2025, 3, 2), (2025, 3, 2, 12))):
        day(*when)
        await store.session("s").usage.record(input_tokens=10**number)

    async def between(since: date | None, until: date | None) -> int:
        (row,) = await store.usage(since=since, until=until)
        return row.usage.input_tokens

    assert await between(date(2025, 3, 2), None) == 110
    assert await between(None, date(2025, 3, 2)) == 1
    assert await between(datetime(2025, 3, 2, tzinfo=UTC), datetime(2025, 3, 2, 12, tzinfo=UTC)) == 10
    tokyo = timezone(timedelta(hours=9))
    assert await between(datetime(2025, 3, 2, 8, tzinfo=tokyo), datetime(2025, 3, 2, 9, tzinfo=tokyo)) == 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            ("colour",),
            ValueError,
            "'colour' is not a key of usage. Nothing was read. Use session, owner, turn",
        ),
        (("branch",), ValueError, "'branch' is not a key of usage"),
        (("day", "day"), ValueError, "a key of usage is given twice"),
    ],
)
async def test_unknown_keys_are_refused(
    store: Store, arguments: tuple[str, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        await store.usage(*arguments)


async def test_arguments_for_reading_are_checked(store: Store) -> None:
    session: Any = store.session("s")
    with pytest.raises(
        ValueError, match=r"'session' is not a key of usage\. Nothing was read\. Use turn, model, agent, author"
    ):
        await session.usage.by("session")
    with pytest.raises(TypeError, match="prices must map models' names to Price, not to float"):
        await session.usage.total(prices={"m": 0.1})
    with pytest.raises(TypeError, match="prices must map models' names to Price, not be of type list"):
        await session.usage.by("model", prices=[])
    with pytest.raises(ValueError, match="turn must be at least 0"):
        await session.usage.total(turn=-1)
    with pytest.raises(ValueError, match="branch must not be empty"):
        await session.usage.total(branch="")
    with pytest.raises(ValueError, match="since has no time zone"):
        await store.usage(since=datetime(2025, 3, 1))  # noqa: DTZ001 - that is the point
    with pytest.raises(TypeError, match="until must be a date or a datetime, not str"):
        await store.usage(until="2025-03-01")  # type: ignore[arg-type]


async def test_a_session_that_is_not_there_took_nothing(session: AsyncSQLiteSession) -> None:
    assert await session.usage.total() == Usage()
    assert await session.usage.by("model") == []
    assert await session.usage.tools() == []


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"input": -1, "output": 1}, ValueError, "input must be a number that is not negative"),
        ({"input": 1, "output": "inf"}, ValueError, "output must be a number that is not negative"),
        ({"input": 1, "output": "free"}, ValueError, "output must be a number, got 'free'"),
        (
            {"input": 1, "output": None},
            TypeError,
            "output must be a Decimal, an integer, a string or a float, not None",
        ),
        ({"input": 1, "output": True}, TypeError, "output must be a Decimal.* not bool"),
    ],
)
def test_prices_are_checked(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Price(**arguments)


def test_a_price_for_caches_is_that_of_input_unless_given() -> None:
    assert Price(2, 3) == Price(2, 3, cached_input=2, cache_write=2)
    assert Price(2, 3).of(input_tokens=5, cached_tokens=2, cache_write_tokens=1, output_tokens=0) == Decimal("0.00001")


def test_a_provider_that_counts_its_cache_apart_gets_nothing_back() -> None:
    assert Price(2, 3, cached_input=1).of(input_tokens=1, cached_tokens=5, cache_write_tokens=0, output_tokens=0) == (
        Decimal("0.000005")
    )


def test_what_is_known_and_what_is_not_are_added() -> None:
    one, other = Usage(1, 2, 3, 4, 5, 6, Decimal(7), 8), Usage(10, 20, 30, 40, 50, 60, None, 80)

    assert one + other == Usage(11, 22, 33, 44, 55, 66, Decimal(7), 88)
    assert (other + other).cost is None
    assert (one + one).cost == Decimal(14)
    with pytest.raises(TypeError):
        one + 1  # type: ignore[operator]

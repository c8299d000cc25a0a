"""Recording numbers by hand, keys, costs, and what is refused."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any

import pytest

from sessions import AsyncSQLiteSession, IdempotencyKeyReusedError, Usage
from sessions.errors import TurnNotFoundError, UnknownBranchError

if TYPE_CHECKING:
    from pathlib import Path


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


async def test_numbers_are_added_never_replaced(session: AsyncSQLiteSession) -> None:
    for _ in range(2):
        await session.usage.record(
            input_tokens=100,
            cached_tokens=60,
            cache_write_tokens=7,
            output_tokens=20,
            reasoning_tokens=5,
            requests=3,
            model="m",
            agent="a",
            cost="0.5",
        )

    (row,) = await session.usage.by("model", "agent")
    assert (row.model, row.agent) == ("m", "a")
    assert row.usage == Usage(6, 200, 120, 14, 40, 10, Decimal(1))
    assert row.usage.total_tokens == 240


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, ValueError, "no result, no tokens and no cost"),
        ({"input_tokens": -1}, ValueError, "input_tokens must be at least 0"),
        ({"output_tokens": 10**13}, ValueError, "output_tokens must be at most"),
        ({"requests": -1}, ValueError, "requests must be at least 0"),
        ({"input_tokens": 1.5}, TypeError, "input_tokens must be an integer, not float"),
        ({"input_tokens": True}, TypeError, "input_tokens must be an integer, not bool"),
        ({"input_tokens": 1, "cached_tokens": 2}, ValueError, "above input_tokens, which counts all input"),
        (
            {"input_tokens": 3, "cached_tokens": 2, "cache_write_tokens": 2},
            ValueError,
            "above input_tokens, which counts all input",
        ),
        ({"output_tokens": 1, "reasoning_tokens": 2}, ValueError, "above output_tokens, which counts all output"),
        ({"result": {"input_tokens": 1}, "input_tokens": 1}, ValueError, "a result and numbers cannot be combined"),
        ({"result": {"input_tokens": 1}, "requests": 2}, ValueError, "a result and numbers cannot be combined"),
        ({"cost": -1}, ValueError, "cost must be a number that is not negative"),
        ({"cost": "nan"}, ValueError, "cost must be a number that is not negative"),
        ({"cost": "much"}, ValueError, "cost must be a number"),
        ({"cost": 1_000_001}, ValueError, "cost must be at most 1000000"),
        ({"cost": [1]}, TypeError, "cost must be a Decimal, an integer, a string or a float, not list"),
        ({"input_tokens": 1, "model": ""}, ValueError, "model must not be empty"),
        ({"input_tokens": 1, "agent": 3}, TypeError, "agent must be a string"),
        ({"input_tokens": 1, "key": ""}, ValueError, "key must not be empty"),
        ({"input_tokens": 1, "key": "a\nb"}, ValueError, "key must not contain a control character"),
        ({"input_tokens": 1, "key": "k" * 256}, ValueError, "key must be at most 255 bytes"),
        ({"input_tokens": 1, "turn": -1}, ValueError, "turn must be at least 0"),
        ({"input_tokens": 1, "turn": "1"}, TypeError, "turn must be an integer"),
        (
            {"input_tokens": 1, "turn": 3},
            TurnNotFoundError,
            "'conversation': branch 'main' has no turn 3; it has turns 1 to 2",
        ),
        (
            {"result": {"raw_responses": [{"usage": {"input_tokens": 1}}, {"usage": {"input_tokens": 2}}]}, "cost": 1},
            ValueError,
            "this run has several. Nothing was recorded. Record each response with its own cost",
        ),
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_recorded(
    session: AsyncSQLiteSession, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    await session.add_items([user("first"), user("second")])

    with pytest.raises(error, match=message):
        await session.usage.record(**arguments)

    assert await session.usage.total() == Usage()


async def test_a_key_counts_once(session: AsyncSQLiteSession, tmp_path: Path) -> None:
    await session.usage.record(input_tokens=5, key="run 1")
    other = AsyncSQLiteSession("conversation", tmp_path / "conversations.db")
    await other.usage.record({"input_tokens": 5}, key="run 1")
    await other.close()
    await session.usage.record(input_tokens=5, key="run 2")

    assert (await session.usage.total()).input_tokens == 10


@pytest.mark.parametrize("key", ["k", "k" * 255])
async def test_a_key_with_other_amounts_is_refused(session: AsyncSQLiteSession, key: str) -> None:
    await session.usage.record(input_tokens=5, key=key)

    with pytest.raises(IdempotencyKeyReusedError, match="'conversation': this key was used before for other usage"):
        await session.usage.record(input_tokens=6, key=key)

    assert (await session.usage.total()).input_tokens == 5


async def test_a_key_and_an_id_of_the_same_text_are_two(session: AsyncSQLiteSession) -> None:
    await session.usage.record({"id": "x", "usage": {"input_tokens": 1}})
    await session.usage.record(input_tokens=2, key="x")

    assert (await session.usage.total()).input_tokens == 3


async def test_a_result_with_a_key_counts_once_for_each_key(session: AsyncSQLiteSession) -> None:
    class Result:
        def __init__(self) -> None:
            self.raw_responses = [Response(1), Response(2)]

    class Response:
        def __init__(self, tokens: int) -> None:
            self.usage = {"input_tokens": tokens}

    result = Result()
    await session.usage.record(result, key="k")
    await session.usage.record(result, key="k")
    await session.usage.record(Result(), key="k")  # As another process would have it.

    assert (await session.usage.total()).input_tokens == 3
    result.raw_responses[1].usage = {"input_tokens": 9}
    with pytest.raises(IdempotencyKeyReusedError):
        await session.usage.record(result, key="k")


@pytest.mark.parametrize(
    ("cost", "stored"),
    [
        (0.1, "0.1"),
        (Decimal("0.0000000005"), "0"),
        (Decimal("0.0000000015"), "2E-9"),
        ("0.1234567891", "0.123456789"),
        (1_000_000, "1000000"),
        (0, "0"),
    ],
)
async def test_costs_are_kept_to_the_billionth(session: AsyncSQLiteSession, cost: Any, stored: str) -> None:
    await session.usage.record(cost=cost)

    assert (await session.usage.total()).cost == Decimal(stored)


async def test_what_is_stored_of_a_cost_does_not_depend_on_the_decimal_context(session: AsyncSQLiteSession) -> None:
    with localcontext(prec=2):
        await session.usage.record(cost="123.456789")

    assert (await session.usage.total()).cost == Decimal("123.456789")


async def test_a_cost_that_is_known_later_is_added_to_the_record(session: AsyncSQLiteSession) -> None:
    response = {"id": "r", "usage": {"input_tokens": 5}}
    await session.usage.record(response)
    await session.usage.record(response, cost="0.25")
    await session.usage.record(response, cost="99")

    assert await session.usage.total() == Usage(1, 5, cost=Decimal("0.25"))


async def test_a_session_begins_with_what_is_recorded(session: AsyncSQLiteSession) -> None:
    await session.usage.record(input_tokens=5)
    await session.add_items([user("first")])

    assert [(row.turn, row.usage.input_tokens) for row in await session.usage.by("turn")] == [(0, 5)]
    assert (await session.usage.total(branch="main")).input_tokens == 5


async def test_usage_can_be_given_to_an_earlier_turn(session: AsyncSQLiteSession) -> None:
    await session.add_items([assistant("0"), user("1"), assistant("1"), user("2"), assistant("2")])
    for turn in (0, 1, 2):
        await session.usage.record(input_tokens=10**turn, turn=turn)
    await session.branches.create("before 2", turn=2)

    rows = await session.usage.by("turn")
    assert [(row.turn, row.usage.input_tokens) for row in rows] == [(0, 1), (1, 10), (2, 100)]
    assert (await session.usage.total(branch="before 2")).input_tokens == 11
    assert (await session.usage.total(turn=1)).input_tokens == 10
    assert (await session.usage.total(turn=2, branch="before 2")).input_tokens == 0


async def test_recording_does_not_raise_the_version_nor_hinder_redo(session: AsyncSQLiteSession) -> None:
    await session.add_items([user("1"), assistant("1")])
    await session.undo()
    await session.usage.record(input_tokens=1)

    assert len(await session.redo()) == 2


async def test_a_branch_that_is_gone_is_an_error(session: AsyncSQLiteSession) -> None:
    with pytest.raises(UnknownBranchError, match="Branch 'gone' does not exist in session 'conversation'"):
        await session.on_branch("gone").usage.record(input_tokens=1)
    with pytest.raises(UnknownBranchError, match="Branch 'gone' does not exist in session 'conversation'"):
        await session.usage.total(branch="gone")
    await session.add_items([user("1")])
    with pytest.raises(UnknownBranchError, match="Branch 'gone' does not exist in session 'conversation'"):
        await session.usage.by("model", branch="gone")
    with pytest.raises(UnknownBranchError, match="Branch 'gone' does not exist in session 'conversation'"):
        await session.usage.tools("gone")

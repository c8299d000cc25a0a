"""Usage beside the SDK's: the same numbers, but that ours adds, inherits and outlives branches."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from sessions import TurnNotFoundError

from .beside import Beside, comparable, turn, user
from .results import result

if TYPE_CHECKING:
    from agents.extensions.memory.advanced_sqlite_session import AdvancedSQLiteSession as SDKSession

    from sessions import AdvancedSQLiteSession


class BesideWithUsage(Beside):
    async def run(self, name: str, tokens: int, requests: int = 1) -> None:
        """Add a turn, and what it took."""
        await self.same("add_items", turn(name))
        await self.same("store_run_usage", result(tokens, requests))

    async def same_usage(self, *branches: str) -> None:
        for branch in branches:
            await self.same("get_session_usage", branch)
            await self.same("get_turn_usage", branch_id=branch)
            for number in range(5):
                await self.same("get_turn_usage", number, branch)


@pytest.fixture
def both(ours: AdvancedSQLiteSession, theirs: SDKSession) -> BesideWithUsage:
    return BesideWithUsage(ours, theirs)


async def test_usage_of_turns_and_of_the_session(both: BesideWithUsage) -> None:
    await both.same("get_session_usage")
    await both.same("get_turn_usage")
    await both.same("get_turn_usage", 1)
    await both.run("a", 1000)
    await both.run("b", 200, requests=3)
    await both.same("add_items", turn("without"))
    await both.run("d", 40)

    await both.same_usage("main")
    await both.same("get_turn_usage")
    await both.same("get_turn_usage", 2)
    assert await both.same("get_session_usage") == {
        "requests": 5,
        "input_tokens": 1240,
        "output_tokens": 620,
        "total_tokens": 1860,
        "total_turns": 3,
    }


async def test_branches_that_share_no_turn(both: BesideWithUsage) -> None:
    """What the SDK counts for them is all there is: nothing was inherited."""
    await both.same("add_items", turn("a"))
    await both.run("b", 100)
    await both.same("create_branch_from_turn", 2, "what-if")
    await both.run("x", 500)
    await both.run("y", 60)

    await both.same_usage("main", "what-if")


async def test_the_workflow_of_the_sdks_documentation(both: BesideWithUsage) -> None:
    """Two turns, a branch from the second one with another one, and a third one on the first branch: four turns."""
    await both.run("capital of France", 100)
    await both.run("weather", 200)
    await both.same("create_branch_from_turn", 2, "weather_focus")
    await both.run("attractions", 300)
    await both.same("switch_to_branch", "main")
    await both.run("expensive", 400)

    usage = await both.same("get_session_usage")
    assert (usage["total_turns"], usage["input_tokens"]) == (4, 1000)
    await both.same_usage("main")
    await both.same("get_turn_usage")


def untold(**details: Any) -> Any:
    usage = SimpleNamespace(requests=1, input_tokens=10, output_tokens=5, total_tokens=15, **details)
    return SimpleNamespace(raw_responses=[], context_wrapper=SimpleNamespace(usage=usage))


OF_INPUT = SimpleNamespace(cached_tokens=4, cache_write_tokens=3)
OF_OUTPUT = SimpleNamespace(reasoning_tokens=2)


@pytest.mark.parametrize(
    "details",
    [
        {},
        {"input_tokens_details": None, "output_tokens_details": None},
        {"input_tokens_details": OF_INPUT},
        {"output_tokens_details": OF_OUTPUT},
        {"input_tokens_details": OF_INPUT, "output_tokens_details": OF_OUTPUT},
    ],
)
async def test_details_that_are_missing_are_none(both: BesideWithUsage, details: dict[str, Any]) -> None:
    await both.same("add_items", turn("a"))
    await both.same("store_run_usage", untold(**details))

    found = await both.same("get_turn_usage", 1)
    assert [found[of] is not None for of in ("input_tokens_details", "output_tokens_details")] == [
        bool(details.get(of)) for of in ("input_tokens_details", "output_tokens_details")
    ]
    await both.same("get_turn_usage")
    assert (await both.ours.usage.total()).input_tokens == 10


async def test_details_that_some_of_a_turns_results_told_are_there(both: BesideWithUsage) -> None:
    await both.same("add_items", turn("a"))
    for details in ({}, {"input_tokens_details": OF_INPUT}, {}):
        await both.ours.store_run_usage(untold(**details))

    found: Any = await both.ours.get_turn_usage(1)
    assert found["input_tokens_details"] == {"cached_tokens": 4, "cache_write_tokens": 3}
    assert found["output_tokens_details"] is None
    assert found["requests"] == 3


async def test_nothing_is_recorded_of_a_run_without_usage(both: BesideWithUsage) -> None:
    await both.same("add_items", turn("a"))
    await both.same("store_run_usage", SimpleNamespace(context_wrapper=SimpleNamespace(usage=None)))

    assert await both.same("get_session_usage") is None


async def test_no_more_of_a_result_is_needed_than_its_usage(both: BesideWithUsage) -> None:
    await both.same("add_items", turn("a"))
    usage = result(100).context_wrapper.usage
    await both.same("store_run_usage", SimpleNamespace(context_wrapper=SimpleNamespace(usage=usage)))

    assert await both.same("get_turn_usage", 1) != {}


# --- What differs on purpose ------------------------------------------------------------------------------------------


async def test_a_second_run_in_a_turn_adds_and_the_same_one_does_not(both: BesideWithUsage) -> None:
    await both.run("a", 1000)
    second = result(200)
    for _ in range(2):
        await both.ours.store_run_usage(second)
        await both.theirs.store_run_usage(second)

    assert (await both.ours.get_turn_usage(1))["input_tokens"] == 1200  # type: ignore[call-overload]
    assert (await both.theirs.get_turn_usage(1))["input_tokens"] == 200  # type: ignore[call-overload]


async def test_a_branch_has_what_its_inherited_turns_took(both: BesideWithUsage) -> None:
    await both.run("a", 1000)
    await both.run("b", 100)
    await both.same("create_branch_from_turn", 2, "what-if")
    await both.run("x", 10)

    assert [row["input_tokens"] for row in await both.ours.get_turn_usage(branch_id="what-if")] == [1000, 10]  # type: ignore[index]
    assert [row["input_tokens"] for row in await both.theirs.get_turn_usage(branch_id="what-if")] == [10]  # type: ignore[index]
    found = await both.ours.get_session_usage()
    expected = await both.theirs.get_session_usage()
    assert found is not None
    assert expected is not None
    assert found["total_tokens"] == expected["total_tokens"], "the session's total counts every token once"
    assert found["total_turns"] == expected["total_turns"] == 3


async def test_deleting_a_branch_or_an_item_does_not_delete_what_was_paid(both: BesideWithUsage) -> None:
    await both.run("a", 1000)
    await both.run("b", 100)
    await both.same("create_branch_from_turn", 2, "what-if")
    await both.run("x", 10)
    await both.same("delete_branch", "what-if", force=True)
    for _ in turn("b"):
        await both.same("pop_item")
    await both.same("clear_session")

    found = await both.ours.get_session_usage()
    assert found is not None
    assert found["input_tokens"] == 1110
    assert await both.theirs.get_session_usage() is None


async def test_details_have_the_words_that_are_the_same_with_every_version(both: BesideWithUsage) -> None:
    await both.ours.add_items(turn("a"))
    await both.theirs.add_items(turn("a"))  # type: ignore[arg-type]
    await both.ours.store_run_usage(result(1000))
    await both.theirs.store_run_usage(result(1000))

    found: Any = await both.ours.get_turn_usage(1)
    expected: Any = await both.theirs.get_turn_usage(1)

    assert found["input_tokens_details"] == {"cached_tokens": 100, "cache_write_tokens": 50}
    assert expected["input_tokens_details"] == {**found["input_tokens_details"], "cache_write_tokens_details": None}
    assert found["output_tokens_details"] == expected["output_tokens_details"] == {"reasoning_tokens": 250}


async def test_usage_before_there_is_a_turn_is_not_lost(both: BesideWithUsage) -> None:
    for session in (both.ours, both.theirs):
        await session.store_run_usage(result(10))
    assert await both.theirs.get_session_usage() is None

    await both.same("add_items", [user("hello")])

    found = await both.ours.get_session_usage()
    assert found is not None
    assert (found["input_tokens"], found["total_turns"]) == (10, 1)
    assert [row["user_turn_number"] for row in await both.ours.get_turn_usage()] == [0]  # type: ignore[index]


async def test_what_cannot_be_recorded_is_an_error(both: BesideWithUsage) -> None:
    """The SDK writes it to its log, and the usage is lost."""
    await both.same("add_items", turn("a"))

    with pytest.raises(ValueError, match="str is not the result of a run"):
        await both.ours.store_run_usage("what it took")
    with pytest.raises(TurnNotFoundError):
        await both.ours.usage.record(result(10), turn=7)
    assert await both.theirs.store_run_usage("what it took") is None  # type: ignore[arg-type, func-returns-value]


async def test_unknown_branches_are_errors(both: BesideWithUsage) -> None:
    await both.run("a", 10)

    with pytest.raises(ValueError, match="Branch 'nowhere' does not exist in session 'u'"):
        await both.ours.get_session_usage("nowhere")
    with pytest.raises(ValueError, match="Branch 'nowhere' does not exist in session 'u'"):
        await both.ours.get_turn_usage(1, "nowhere")
    assert comparable("", await both.theirs.get_turn_usage(1, "nowhere")) == {}

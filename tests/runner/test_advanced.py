"""Branches and usage around real runs of the SDK's runner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from agents import Agent, function_tool
from agents.extensions.memory.advanced_sqlite_session import AdvancedSQLiteSession as SDKSession
from agents.testing import ModelStep, ScriptedModel
from agents.usage import Usage

from sessions import AdvancedSQLiteSession
from tests.advanced.beside import Beside

from .dialogue import asked, calls, inputs, said, says

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Run


@function_tool
def weather(city: str) -> str:
    return f"sun in {city}"


def step(output: Any, tokens: int) -> ModelStep:
    usage = Usage(requests=1, input_tokens=tokens, output_tokens=tokens, total_tokens=2 * tokens)
    return ModelStep(output=[output], usage=usage)


@pytest.fixture
def both(db_path: Path, tmp_path: Path) -> Iterator[Beside]:
    ours = AdvancedSQLiteSession(session_id="u", db_path=db_path, create_tables=True)
    theirs = SDKSession(session_id="u", db_path=tmp_path / "theirs.db", create_tables=True)
    yield Beside(ours, theirs)
    ours.close()
    theirs.close()


async def play(run: Run, session: Any, question: str, *steps: ModelStep) -> list[Any]:
    """Run an agent to its answer, record what it took, and return what its model was given last."""
    model = ScriptedModel(list(steps))
    result = await run(Agent(name="a", model=model, tools=[weather]), question, session=session)
    await session.store_run_usage(result)
    return list(inputs(model)[-1])


async def test_runs_on_branches(run: Run, both: Beside) -> None:
    for session in (both.ours, both.theirs):
        await play(run, session, "Oslo?", step(calls("weather", "c1", city="Oslo"), 10), step(says("Sun."), 20))
        await play(run, session, "Rome?", step(says("Rain."), 40))
    await both.reads("main")
    for method in ("get_session_usage", "get_turn_usage"):
        await both.same(method)
    assert await both.same("create_branch_from_turn", 2, "what-if") == "what-if"

    given = [await play(run, session, "Bern?", step(says("Snow."), 80)) for session in (both.ours, both.theirs)]

    assert given[0] == given[1], "the model is given the branch"
    assert asked("Rome?") not in given[0]
    assert await both.ours.get_items(2) == [asked("Bern?"), said("Snow.")]
    await both.reads("main", "what-if")
    await both.same("get_turn_usage", 2)
    assert await both.ours.get_turn_usage(1) == await both.ours.get_turn_usage(1, "main") != {}
    await both.same("switch_to_branch", "main")
    await both.same("get_turn_usage")
    found, expected = await both.ours.get_session_usage(), await both.theirs.get_session_usage()
    assert found is not None
    assert expected is not None
    assert found["total_tokens"] == expected["total_tokens"] == 2 * (10 + 20 + 40 + 80)
    assert await both.same("get_tool_usage") == [("weather", 1, 1)]
    assert [row.agent for row in await both.ours.usage.by("agent")] == ["a"], "what is more than the usage is kept, too"

"""A tool's call and its output: stored in order, next to each other, and given to the next run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents import Agent, ToolOutputImage, ToolOutputText, function_tool
from agents.testing import ScriptedModel

from .dialogue import asked, called, calls, inputs, returned, said, says

if TYPE_CHECKING:
    from .conftest import AnySession, Run


@function_tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"Sun in {city}"


@function_tool
def chart(city: str) -> list[ToolOutputText | ToolOutputImage]:
    """A picture of the weather."""
    return [ToolOutputText(text=city), ToolOutputImage(image_url="data:image/png;base64,iVBORw0KGgo=")]


@function_tool
def out_of_order(city: str) -> str:
    """Always fails."""
    raise RuntimeError(city)


async def test_call_and_output_are_adjacent_in_a_conversation_of_several_turns(run: Run, session: AnySession) -> None:
    model = ScriptedModel(
        [
            [calls("weather", "c1", city="Oslo")],
            [calls("weather", "c2", city="Bergen")],
            [says("Sun in both.")],
            [calls("weather", "c3", city="Rome")],
            [says("Sun there too.")],
        ]
    )
    agent = Agent(name="forecaster", model=model, tools=[weather])

    await run(agent, "Oslo and Bergen?", session=session)
    await run(agent, "And Rome?", session=session)

    conversation = [
        asked("Oslo and Bergen?"),
        called("weather", "c1", city="Oslo"),
        returned("c1", "Sun in Oslo"),
        called("weather", "c2", city="Bergen"),
        returned("c2", "Sun in Bergen"),
        said("Sun in both."),
        asked("And Rome?"),
        called("weather", "c3", city="Rome"),
        returned("c3", "Sun in Rome"),
        said("Sun there too."),
    ]
    assert await session.get_items() == conversation
    assert inputs(model) == [conversation[:n] for n in (1, 3, 5, 7, 9)]


async def test_calls_made_at_once_stay_together(run: Run, session: AnySession) -> None:
    model = ScriptedModel(
        [[calls("weather", "c1", city="Oslo"), calls("weather", "c2", city="Rome")], [says("Sun in both.")]]
    )

    await run(Agent(name="forecaster", model=model, tools=[weather]), "Oslo and Rome?", session=session)

    assert await session.get_items() == [
        asked("Oslo and Rome?"),
        called("weather", "c1", city="Oslo"),
        called("weather", "c2", city="Rome"),
        returned("c1", "Sun in Oslo"),
        returned("c2", "Sun in Rome"),
        said("Sun in both."),
    ]


async def test_text_and_images_of_a_tool_come_back_as_they_were(run: Run, session: AnySession) -> None:
    model = ScriptedModel([[calls("chart", "c1", city="Oslo")], [says("See above.")], [says("Still there.")]])
    agent = Agent(name="forecaster", model=model, tools=[chart])

    await run(agent, "A chart?", session=session)
    stored = await session.get_items()
    await run(agent, "Once more?", session=session)

    assert [part["type"] for part in stored[2]["output"]] == ["input_text", "input_image"]
    assert stored[2] == inputs(model)[1][2] == inputs(model)[2][2]


async def test_a_failing_tool_leaves_its_error_as_the_output(run: Run, session: AnySession) -> None:
    model = ScriptedModel([[calls("out_of_order", "c1", city="Oslo")], [says("It failed.")]])

    await run(Agent(name="forecaster", model=model, tools=[out_of_order]), "Oslo?", session=session)

    question, call, output, answer = await session.get_items()
    assert (question, answer) == (asked("Oslo?"), said("It failed."))
    assert call["call_id"] == output["call_id"] == "c1"
    assert "error" in output["output"]

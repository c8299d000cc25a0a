"""What a run leaves behind that did not come to its end, and that the next run can go on from there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from agents import (
    Agent,
    GuardrailFunctionOutput,
    InputGuardrail,
    InputGuardrailTripwireTriggered,
    MaxTurnsExceeded,
    OutputGuardrail,
    OutputGuardrailTripwireTriggered,
    Runner,
    function_tool,
)
from agents.testing import ModelCall, ModelStep, ScriptedModel

from .dialogue import asked, called, calls, inputs, returned, said, says

if TYPE_CHECKING:
    from .conftest import AnySession, Run


@function_tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"Sun in {city}"


def refuse(_context: Any, _agent: Any, _value: Any) -> GuardrailFunctionOutput:
    return GuardrailFunctionOutput(output_info=None, tripwire_triggered=True)


async def goes_on(run: Run, session: AnySession, given: list[Any]) -> None:
    """The next run works, and its model is given `given` and the new question."""
    before = await session.get_items()
    model = ScriptedModel([[says("Here I am.")]])
    await run(Agent(name="assistant", model=model), "Hello?", session=session)
    assert inputs(model) == [[*given, asked("Hello?")]]
    assert await session.get_items() == [*before, asked("Hello?"), said("Here I am.")]


async def test_a_failing_model_leaves_the_question(run: Run, session: AnySession) -> None:
    model = ScriptedModel([ModelStep.raise_error(RuntimeError("no model today"))])

    with pytest.raises(RuntimeError, match="no model today"):
        await run(Agent(name="assistant", model=model), "One?", session=session)

    assert await session.get_items() == [asked("One?")]
    await goes_on(run, session, [asked("One?")])


async def test_a_model_failing_after_a_tool_call_leaves_call_and_output(run: Run, session: AnySession) -> None:
    model = ScriptedModel([[calls("weather", "c1", city="Oslo")], ModelStep.raise_error(RuntimeError("gone"))])

    with pytest.raises(RuntimeError, match="gone"):
        await run(Agent(name="assistant", model=model, tools=[weather]), "Oslo?", session=session)

    left = [asked("Oslo?"), called("weather", "c1", city="Oslo"), returned("c1", "Sun in Oslo")]
    assert await session.get_items() == left
    await goes_on(run, session, left)


async def test_too_many_turns_leave_complete_ones(run: Run, session: AnySession) -> None:
    model = ScriptedModel([[calls("weather", "c1", city="Oslo")], [calls("weather", "c2", city="Rome")]])

    with pytest.raises(MaxTurnsExceeded):
        await run(Agent(name="assistant", model=model, tools=[weather]), "Weather?", session=session, max_turns=2)

    left = [
        asked("Weather?"),
        called("weather", "c1", city="Oslo"),
        returned("c1", "Sun in Oslo"),
        called("weather", "c2", city="Rome"),
        returned("c2", "Sun in Rome"),
    ]
    assert await session.get_items() == left
    await goes_on(run, session, left)


async def test_a_refused_question_is_stored_without_an_answer(run: Run, session: AnySession) -> None:
    guardrail: InputGuardrail[Any] = InputGuardrail(refuse, run_in_parallel=False)
    agent = Agent(name="assistant", model=ScriptedModel(), input_guardrails=[guardrail])

    with pytest.raises(InputGuardrailTripwireTriggered):
        await run(agent, "Something bad?", session=session)

    assert await session.get_items() == [asked("Something bad?")]
    await goes_on(run, session, [asked("Something bad?")])


async def test_a_refused_answer_is_not_stored(run: Run, session: AnySession) -> None:
    guardrail: OutputGuardrail[Any] = OutputGuardrail(refuse)
    model = ScriptedModel([[says("Something bad.")]])

    with pytest.raises(OutputGuardrailTripwireTriggered):
        await run(Agent(name="assistant", model=model, output_guardrails=[guardrail]), "One?", session=session)

    items = await session.get_items()
    assert items[0] == asked("One?")
    assert said("Something bad.") not in items
    await goes_on(run, session, items)


async def test_a_cancelled_run_leaves_the_question(session: AnySession) -> None:
    reached = asyncio.Event()

    async def never(_call: ModelCall) -> ModelStep:
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    agent = Agent(name="assistant", model=ScriptedModel([ModelStep.respond(never)]))
    task = asyncio.create_task(Runner.run(agent, "One?", session=session))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await session.get_items() == [asked("One?")]


async def test_a_stream_stopped_after_its_turn_leaves_call_and_output(session: AnySession) -> None:
    @function_tool
    def stop() -> str:
        """Does what the stop button of a chat window does."""
        stream.cancel(mode="after_turn")
        return "stopping"

    model = ScriptedModel([[calls("stop", "c1")], [says("Never reached.")]])
    stream = Runner.run_streamed(Agent(name="assistant", model=model, tools=[stop]), "Stop!", session=session)
    async for _ in stream.stream_events():
        pass

    assert len(model.calls) == 1
    assert await session.get_items() == [asked("Stop!"), called("stop", "c1"), returned("c1", "stopping")]

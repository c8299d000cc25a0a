"""Several runs, one conversation: what the model is given, and what is stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from agents import Agent, FunctionTool
from agents.testing import ScriptedModel

from sessions import open_store

from .dialogue import asked, calls, inputs, returned, said, says

if TYPE_CHECKING:
    from .conftest import AnySession, OpenSession, Run

EXCERPT = Path(__file__).parents[2] / "examples" / "data" / "tau-bench-airline-excerpt.json"


async def test_each_run_gives_the_model_the_whole_conversation(run: Run, session: AnySession) -> None:
    model = ScriptedModel([[says("Hello Ada.")], [says("You are Ada.")], [says("Bye.")]])
    agent = Agent(name="assistant", model=model)

    for question in ("I am Ada.", "Who am I?", "Thanks."):
        await run(agent, question, session=session)

    conversation = [
        asked("I am Ada."), said("Hello Ada."), asked("Who am I?"), said("You are Ada."), asked("Thanks."), said("Bye.")
    ]  # fmt: skip
    assert inputs(model) == [conversation[:1], conversation[:3], conversation[:5]]
    assert await session.get_items() == conversation


async def test_a_new_session_object_goes_on_where_the_last_one_stopped(run: Run, open_session: OpenSession) -> None:
    model = ScriptedModel([[says("Hello Ada.")], [says("You are Ada.")]])
    agent = Agent(name="assistant", model=model)

    await run(agent, "I am Ada.", session=open_session())
    await run(agent, "Who am I?", session=open_session())

    assert inputs(model)[1] == [asked("I am Ada."), said("Hello Ada."), asked("Who am I?")]


async def test_sessions_do_not_see_each_other(run: Run, open_session: OpenSession) -> None:
    model = ScriptedModel([[says("Hello Ada.")], [says("I do not know.")]])
    agent = Agent(name="assistant", model=model)

    await run(agent, "I am Ada.", session=open_session("ada"))
    await run(agent, "Who am I?", session=open_session("grace"))

    assert inputs(model)[1] == [asked("Who am I?")]
    assert await open_session("ada").get_items() == [asked("I am Ada."), said("Hello Ada.")]


async def test_a_run_may_add_several_items_at_once(run: Run, session: AnySession) -> None:
    model = ScriptedModel([[says("Both noted.")]])
    question = [asked("One."), {"role": "user", "content": [{"type": "input_text", "text": "Two: ☃ \u0000."}]}]

    await run(Agent(name="assistant", model=model), question, session=session)

    assert await session.get_items() == [*question, said("Both noted.")]


async def test_the_same_words_again_are_said_again(run: Run, session: AnySession) -> None:
    model = ScriptedModel([[says("Go on.")], [says("Go on.")]])
    agent = Agent(name="assistant", model=model)

    await run(agent, "Yes.", session=session)
    await run(agent, "Yes.", session=session)

    assert await session.get_items() == [asked("Yes."), said("Go on.")] * 2
    assert inputs(model)[1] == [asked("Yes."), said("Go on."), asked("Yes.")]


async def test_a_session_of_a_store_is_the_same_conversation(run: Run, session: AnySession, db_path: Path) -> None:
    model = ScriptedModel([[says("Hello Ada.")], [says("You are Ada.")]])
    agent = Agent(name="assistant", model=model)

    await run(agent, "I am Ada.", session=session)
    async with open_store(f"sqlite:///{db_path}") as store:
        await run(agent, "Who am I?", session=store.session(session.session_id))
        [listed] = await store.sessions()

    assert inputs(model)[1] == [asked("I am Ada."), said("Hello Ada."), asked("Who am I?")]
    assert (listed.session_id, listed.item_count) == (session.session_id, 4)


async def test_what_was_popped_is_not_given_to_the_model(run: Run, session: AnySession) -> None:
    model = ScriptedModel([[says("Blue.")], [says("Green.")]])
    agent = Agent(name="assistant", model=model)
    await run(agent, "A colour?", session=session)

    assert await session.pop_item() == said("Blue.")
    assert await session.pop_item() == asked("A colour?")
    await run(agent, "Another colour?", session=session)

    assert inputs(model)[1] == [asked("Another colour?")]
    assert await session.get_items() == [asked("Another colour?"), said("Green.")]


@pytest.mark.parametrize("task_id", [45, 11, 43])
async def test_a_real_conversation_is_stored_as_it_was_held(run: Run, session: AnySession, task_id: int) -> None:
    """Recorded with another framework: 4, 10 and 2 tool calls over several turns."""
    excerpt = json.loads(EXCERPT.read_text(encoding="utf-8"))
    [messages] = [c["messages"] for c in excerpt["conversations"] if c["task_id"] == task_id]
    if messages[-1]["role"] == "user":
        messages.pop()  # Nobody answered the last word.
    outputs = iter([m["content"] for m in messages if m["role"] == "tool"])
    replies = [m for m in messages if m["role"] == "assistant"]

    async def replay(_context: Any, _arguments: str) -> Any:
        return next(outputs)

    names = {call["function"]["name"] for m in replies for call in m.get("tool_calls", ())}
    schema = {"type": "object", "properties": {}}
    tools: list[Any] = [FunctionTool(name, name, schema, replay, strict_json_schema=False) for name in names]
    model = ScriptedModel([[_output(m)] for m in replies])
    agent = Agent(name="airline", model=model, tools=tools)

    for question in [m["content"] for m in messages if m["role"] == "user"]:
        await run(agent, question, session=session)

    expected = [_stored(m) for m in messages]
    assert await session.get_items() == expected
    assert inputs(model)[-1] == expected[:-1]


def _output(message: dict[str, Any]) -> Any:
    if message["content"]:
        return says(message["content"])
    [call] = message["tool_calls"]
    return calls(call["function"]["name"], call["id"], **json.loads(call["function"]["arguments"]))


def _stored(message: dict[str, Any]) -> Any:
    if message["role"] == "user":
        return asked(message["content"])
    if message["role"] == "tool":
        return returned(message["tool_call_id"], message["content"])
    return _output(message).model_dump(exclude_unset=True)

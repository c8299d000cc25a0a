"""A run of the SDK under a lease, and runs at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from agents import Agent, Runner, function_tool
from agents.testing import ScriptedModel

from sessions import SessionBusyError
from sessions.adapters.openai_agents import SessionHooks

from .dialogue import asked, calls, inputs, said, says

if TYPE_CHECKING:
    from .conftest import AnySession, OpenSession, Run


@function_tool
async def wait() -> str:
    """Let others run."""
    await asyncio.sleep(0.01)
    return "waited"


async def test_a_run_under_a_lease(run: Run, session: AnySession) -> None:
    model = ScriptedModel([[says("Hello.")], [says("Bye.")]])
    agent = Agent(name="billing", model=model)
    for text in ("Hi", "So long"):
        async with session.lease(holder="billing", exclusive=True) as leased:
            await run(agent, text, session=leased, hooks=SessionHooks(leased))
    assert await session.get_items() == [asked("Hi"), said("Hello."), asked("So long"), said("Bye.")]
    assert [entry.author for entry in await session.entries()] == [None, "billing"] * 2
    assert inputs(model)[1] == [asked("Hi"), said("Hello."), asked("So long")]


async def test_runs_at_once_follow_one_another(open_session: OpenSession) -> None:
    async def one(name: str) -> None:
        model = ScriptedModel([[calls("wait", name)], [says(name)]])
        agent: Agent[Any] = Agent(name=name, model=model, tools=[wait])
        async with open_session().lease(holder=name) as leased:
            await Runner.run(agent, name, session=leased, hooks=SessionHooks(leased))

    await asyncio.gather(*map(one, "abcd"))

    entries = await open_session().entries()
    assert [entry.kind for entry in entries] == ["user", "tool_call", "tool_output", "assistant"] * 4
    for start in range(0, len(entries), 4):
        question, *answers = entries[start : start + 4]
        assert {answer.author for answer in answers} == {question.item["content"]}


async def test_reject_raises_before_any_call_of_the_model(open_session: OpenSession) -> None:
    model = ScriptedModel([[says("Never.")]])
    async with open_session().lease(holder="support", exclusive=True):
        with pytest.raises(SessionBusyError, match="support"):
            async with open_session().lease(on_busy="reject") as leased:
                await Runner.run(Agent(name="billing", model=model), "Hi", session=leased)
        # Nor does one without a lease get so far, where those are kept out.
        with pytest.raises(SessionBusyError, match="support"):
            await Runner.run(Agent(name="billing", model=model), "Hi", session=open_session())
    assert inputs(model) == []
    assert await open_session().get_items() == []

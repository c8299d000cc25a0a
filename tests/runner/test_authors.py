"""Hooks tell which agent said what, through handoffs, tools that are agents, failures and runs at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from agents import Agent, Runner, function_tool
from agents.testing import ScriptedModel

from sessions.adapters.openai_agents import SessionHooks

from .dialogue import calls, says

if TYPE_CHECKING:
    from .conftest import AnySession, OpenSession, Run


@function_tool
def refund(amount: int) -> str:
    """Pay money back."""
    return f"{amount} paid"


async def authors(session: AnySession) -> list[tuple[str, str | None]]:
    return [(entry.kind, entry.author) for entry in await session.entries()]


async def test_the_active_agent_through_handoffs(run: Run, session: AnySession) -> None:
    """
    Fails without: openai_agents.py, `self._session.speaker.begins(as_name(agent.name))`; session/adding.py,
    `author if kind == USER`.
    """
    front = ScriptedModel([[calls("transfer_to_billing", "h1")]])
    back = ScriptedModel([[calls("refund", "c1", amount=5)], [says("Done.")]])
    billing = Agent(name="billing", model=back, tools=[refund])
    triage = Agent(name="triage", model=front, handoffs=[billing])

    await run(triage, "My money back!", session=session, hooks=SessionHooks(session))
    await session.add_items([{"role": "assistant", "content": "by hand"}, {"role": "user", "content": "Thanks."}])

    assert await authors(session) == [
        ("user", None),
        ("tool_call", "triage"),
        ("tool_output", "triage"),
        ("tool_call", "billing"),
        ("tool_output", "billing"),
        ("assistant", "billing"),
        ("assistant", None),
        ("user", None),
    ]


async def test_an_agent_that_is_a_tool_does_not_speak_for_its_caller(run: Run, session: AnySession) -> None:
    """Fails without: openai_agents.py, `isinstance(context, ToolContext)`."""
    inner = Agent(name="inner", model=ScriptedModel([[says("Deep.")]]))
    hooks = SessionHooks(session)
    tool = inner.as_tool("think", "Thinks.", hooks=SessionHooks(session))
    outer = Agent(name="outer", model=ScriptedModel([[calls("think", "c1", input="x")], [says("Well.")]]), tools=[tool])

    await run(outer, "Why?", session=session.as_author("alice"), hooks=hooks)

    # The run's object is another one than the hooks'.
    assert {author for _, author in await authors(session)} == {"alice"}
    await session.clear_session()
    alice: Any = session.as_author("alice")
    outer.model = ScriptedModel([[calls("think", "c2", input="x")], [says("Well.")]])
    inner.model = ScriptedModel([[says("Deep.")]])
    outer.tools = [inner.as_tool("think", "Thinks.", hooks=SessionHooks(alice))]
    await run(outer, "Why?", session=alice, hooks=SessionHooks(alice))

    assert await authors(session) == [
        ("user", "alice"),
        ("tool_call", "outer"),
        ("tool_output", "outer"),
        ("assistant", "outer"),
    ]


async def test_runs_at_once_with_an_object_each(open_session: OpenSession) -> None:
    session = open_session()

    async def one(name: str) -> None:
        model = ScriptedModel([[calls("refund", name, amount=1)], [says(name)]])
        own = session.as_author(None)
        await Runner.run(Agent(name=name, model=model, tools=[refund]), name, session=own, hooks=SessionHooks(own))

    await asyncio.gather(*map(one, "abc"))

    for entry in await session.entries():
        if entry.kind == "user":
            assert entry.author is None
        else:
            said = entry.item.get("call_id") or entry.item["content"][0]["text"]
            assert entry.author == said


async def test_a_run_after_one_that_failed(run: Run, session: AnySession) -> None:
    hooks = SessionHooks(session)
    with pytest.raises(RuntimeError, match="down"):
        await run(Agent(name="broken", model=ScriptedModel([RuntimeError("down")])), "1", session=session, hooks=hooks)
    await run(Agent(name="whole", model=ScriptedModel([[says("Yes.")]])), "2", session=session, hooks=hooks)

    assert await authors(session) == [("user", None), ("user", None), ("assistant", "whole")]

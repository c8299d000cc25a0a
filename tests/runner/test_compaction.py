"""`SessionSettings(compaction=…)` and handovers: what the runner gives its model, and when it compacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import agents
from agents import Agent, is_openai_responses_compaction_aware_session
from agents.testing import ScriptedModel

from sessions import Compaction, SessionSettings, Window
from sessions.adapters.openai_agents import SessionHooks

from .dialogue import asked, called, calls, inputs, returned, said, says

if TYPE_CHECKING:
    from .conftest import OpenSession, Run

SUMMARY = {"role": "user", "content": "3 items before"}


async def count(items: list[Any]) -> str:
    return f"{len(items)} items before"


def test_a_session_is_aware_of_compaction_if_it_is_to_be_compacted(open_session: OpenSession) -> None:
    """Or the SDK would take fingerprints of all that it gives to a model, for nothing."""
    when = Compaction(count, above=Window(items=1))
    assert not is_openai_responses_compaction_aware_session(open_session())
    aware: Any = open_session(session_settings=SessionSettings(compaction=when))
    assert is_openai_responses_compaction_aware_session(aware)


async def test_a_run_ends_with_a_compaction(run: Run, open_session: OpenSession) -> None:
    when = Compaction(count, above=Window(items=4), keep_items=2)
    session = open_session(session_settings=SessionSettings(compaction=when))
    model = ScriptedModel([[says("One.")], [says("Two.")], [says("Three.")]])
    agent = Agent(name="assistant", model=model)

    await run(agent, "One?", session=session)
    await run(agent, "Two?", session=session)
    assert await open_session().get_items() == [asked("One?"), said("One."), asked("Two?"), said("Two.")]
    await session.add_items([asked("And?")])
    await run(agent, "Three?", session=session)

    # First when the run began, and again when it had ended.
    assert inputs(model)[2] == [SUMMARY, said("Two."), asked("And?"), asked("Three?")]
    assert await open_session().get_items() == [SUMMARY, asked("Three?"), said("Three.")]


async def test_a_run_with_tools_is_compacted_between_its_calls(run: Run, open_session: OpenSession) -> None:
    """The runner defers a compaction while a tool's output is on its way; a call and its output stay together."""

    @agents.function_tool
    def weather() -> str:
        return "Sun"

    session = open_session(session_settings={"compaction": Compaction(count, above=Window(items=2), keep_items=2)})
    model = ScriptedModel([[calls("weather", "c1")], [calls("weather", "c2")], [says("Sun.")]])
    await run(Agent(name="assistant", model=model, tools=[weather]), "Oslo?", session=session)

    assert await open_session().get_items() == [
        {"role": "user", "content": "3 items before"},
        called("weather", "c2"),
        returned("c2", "Sun"),
        said("Sun."),
    ]
    assert not (await session.repair()).damages


async def test_a_model_is_not_given_handovers(run: Run, open_session: OpenSession) -> None:
    session = open_session()
    model = ScriptedModel([[says("One.")], [says("Two.")]])
    agent = Agent(name="triage", model=model)
    await run(agent, "One?", session=session, hooks=SessionHooks(session))
    await session.as_author("triage").handover("billing", note="Wants a refund.")
    await run(agent, "Two?", session=session)

    assert inputs(model)[1] == [asked("One?"), said("One."), asked("Two?")]
    handover = (await session.entries())[2]
    assert (handover.author, handover.item["note"]) == ("triage", "Wants a refund.")

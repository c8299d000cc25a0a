"""One session object, several event loops: web handlers, scripts and notebooks do this without noticing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from agents import Agent, Runner
from agents.testing import ScriptedModel

from .conftest import run_sync_in_a_new_loop
from .dialogue import asked, inputs, said, says

if TYPE_CHECKING:
    from .conftest import AnySession, OpenSession


def test_run_sync_twice_in_one_loop(session: AnySession) -> None:
    """As a plain script does it: `run_sync` makes the thread's event loop and uses it again."""
    model = ScriptedModel([[says("One.")], [says("Two.")]])
    agent = Agent(name="assistant", model=model)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        Runner.run_sync(agent, "One?", session=session)
        Runner.run_sync(agent, "Two?", session=session)
    finally:
        asyncio.set_event_loop(None)
        loop.close()

    assert inputs(model)[1] == [asked("One?"), said("One."), asked("Two?")]


def test_run_sync_in_a_new_loop_each_time_and_after_asyncio_run(session: AnySession) -> None:
    model = ScriptedModel([[says("One.")], [says("Two.")], [says("Three.")], [says("Four.")]])
    agent = Agent(name="assistant", model=model)

    run_sync_in_a_new_loop(agent, "One?", session=session)
    run_sync_in_a_new_loop(agent, "Two?", session=session)
    asyncio.run(Runner.run(agent, "Three?", session=session))
    run_sync_in_a_new_loop(agent, "Four?", session=session)

    conversation = [
        asked("One?"), said("One."), asked("Two?"), said("Two."), asked("Three?"), said("Three."), asked("Four?")
    ]  # fmt: skip
    assert inputs(model)[-1] == conversation
    assert asyncio.run(session.get_items()) == [*conversation, said("Four.")]


async def test_runs_on_many_sessions_at_once_do_not_mix(open_session: OpenSession) -> None:
    """As a web server does it: one file, one session per user, all at the same time."""

    async def talk(user: str) -> tuple[AnySession, ScriptedModel]:
        session = open_session(user)
        model = ScriptedModel([[says(f"Hello {user}.")], [says(f"You are {user}.")]])
        agent = Agent(name="assistant", model=model)
        await Runner.run(agent, f"I am {user}.", session=session)
        await Runner.run(agent, "Who am I?", session=session)
        return session, model

    users = [f"user {number}" for number in range(20)]
    for user, (session, model) in zip(users, await asyncio.gather(*map(talk, users)), strict=True):
        begun = [asked(f"I am {user}."), said(f"Hello {user}."), asked("Who am I?")]
        assert inputs(model)[1] == begun
        assert await session.get_items() == [*begun, said(f"You are {user}.")]

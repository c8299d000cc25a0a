"""`SessionSettings(window=…, repair=…)`: what the runner gives its model, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import agents
from agents import Agent, RunConfig
from agents.testing import ScriptedModel

from sessions import SessionSettings, Window

from .dialogue import asked, called, calls, inputs, returned, said, says

if TYPE_CHECKING:
    from .conftest import OpenSession, Run

TURNS = [
    [asked(f"{number}?"), called("weather", number), returned(number, "Sun"), said(f"{number}.")] for number in "abc"
]
HISTORY = [item for turn in TURNS for item in turn]


async def given_to_the_model(run: Run, session: Any, config: RunConfig | None = None) -> list[Any]:
    """What of the history a run gives to its model."""
    model = ScriptedModel([[says("Now.")]])
    await run(Agent(name="assistant", model=model), "Now?", session=session, run_config=config)
    [given] = inputs(model)
    assert given.pop() == asked("Now?")
    return list(given)


async def test_the_model_is_given_a_window(run: Run, open_session: OpenSession) -> None:
    session = open_session(session_settings=SessionSettings(window=Window(items=7)))
    await session.add_items(HISTORY)

    assert await given_to_the_model(run, session) == TURNS[2]
    assert await session.get_items(limit=100) == [*HISTORY, asked("Now?"), said("Now.")]


# Fails without: `SessionSettings.limit` says where it comes from
async def test_a_limit_of_a_run_cuts_validly_where_there_is_a_window(run: Run, open_session: OpenSession) -> None:
    session = open_session(session_settings={"window": Window()})
    await session.add_items(HISTORY)

    config = RunConfig(session_settings=agents.SessionSettings(limit=6))
    assert await given_to_the_model(run, session, config) == TURNS[2]


async def test_a_run_takes_settings_with_a_window(run: Run, open_session: OpenSession) -> None:
    """The SDK makes its own of them, which have a limit alone."""
    session = open_session(session_settings=SessionSettings(window=Window(turns=2)))
    await session.add_items(HISTORY)

    config = RunConfig(session_settings=SessionSettings(limit=4, window=Window(turns=1)))
    assert await given_to_the_model(run, session, config) == TURNS[2]


async def test_a_run_that_resumes_repairs_what_a_crash_left(run: Run, open_session: OpenSession) -> None:
    crashed = [*TURNS[0], asked("b?"), called("weather", "b")]
    await open_session().add_items(crashed)
    session = open_session(session_settings={"repair": True})

    given = await given_to_the_model(run, session)

    interrupted = returned("b", "The call was interrupted; no output was recorded.")
    assert given == [*crashed, interrupted]
    assert await session.get_items() == [*crashed, interrupted, asked("Now?"), said("Now.")]


async def test_a_run_with_calls_is_stored_wholly(run: Run, open_session: OpenSession) -> None:
    """The runner reads a session in the middle of a run, too, and must find what it has added."""

    @agents.function_tool
    def weather() -> str:
        return "Sun"

    session = open_session(session_settings=SessionSettings(window=Window(items=2), repair=True))
    model = ScriptedModel([[calls("weather", "c1"), calls("weather", "c2")], [says("Sun.")]])
    await run(Agent(name="assistant", model=model, tools=[weather]), "Oslo?", session=session)

    assert await session.get_items(limit=100) == [
        asked("Oslo?"),
        called("weather", "c1"),
        called("weather", "c2"),
        returned("c1", "Sun"),
        returned("c2", "Sun"),
        said("Sun."),
    ]


def test_settings_with_a_window() -> None:
    ours = SessionSettings(limit=3, window=Window(turns=2), repair=True)

    assert ours == {"limit": 3}
    assert ours.resolve(None).window == Window(turns=2)
    assert ours.resolve(agents.SessionSettings(limit=5)).window == Window(turns=2)
    assert ours.resolve(agents.SessionSettings(limit=5)).repair
    assert ours.resolve({"window": Window(turns=4)}) == {"limit": 3}
    assert ours.resolve({"window": Window(turns=4)}).window == Window(turns=4)
    assert "turns=2" in repr(ours)

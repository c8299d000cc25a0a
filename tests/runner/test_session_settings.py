"""`SessionSettings(limit=...)`: how much of the conversation the model is given, and who may say so."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, cast

import agents
import pytest
from agents import Agent, RunConfig
from agents.extensions.memory.encrypt_session import EncryptedSession
from agents.testing import ScriptedModel

from sessions import SessionSettings

from .dialogue import asked, called, inputs, returned, said, says

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import AnySession, OpenSession, Run

HISTORY = [asked("One?"), said("One."), asked("Two?"), said("Two.")]


async def given_to_the_model(run: Run, session: Any, config: RunConfig | None = None) -> list[Any]:
    """What of the history a run gives to its model; and it stores what was said either way."""
    before = await session.get_items(limit=1000)
    model = ScriptedModel([[says("Three.")]])
    await run(Agent(name="assistant", model=model), "Three?", session=session, run_config=config)

    assert await session.get_items(limit=1000) == [*before, asked("Three?"), said("Three.")]
    [given] = inputs(model)
    assert given.pop() == asked("Three?")
    return list(given)


@pytest.mark.parametrize(
    "settings", [SessionSettings(limit=2), agents.SessionSettings(limit=2), {"limit": 2}], ids=["ours", "sdk", "dict"]
)
async def test_a_limit_of_the_session(run: Run, open_session: OpenSession, settings: Any) -> None:
    session = open_session(session_settings=settings)
    await session.add_items(HISTORY)

    assert await given_to_the_model(run, session) == HISTORY[2:]


@pytest.mark.parametrize("settings", [agents.SessionSettings(limit=1), {"limit": 1}], ids=["sdk", "dict"])
async def test_a_limit_of_the_run_overrides_that_of_the_session(
    run: Run, open_session: OpenSession, settings: Any
) -> None:
    session = open_session(session_settings=SessionSettings(limit=3))
    await session.add_items(HISTORY)

    assert await given_to_the_model(run, session, RunConfig(session_settings=settings)) == HISTORY[3:]
    assert session.session_settings.limit == 3


async def test_a_run_without_a_limit_leaves_that_of_the_session(run: Run, open_session: OpenSession) -> None:
    session = open_session(session_settings={"limit": 3})
    await session.add_items(HISTORY)

    config = RunConfig(session_settings=agents.SessionSettings(limit=None))
    assert await given_to_the_model(run, session, config) == HISTORY[1:]


async def test_no_limit_gives_everything(run: Run, session: AnySession) -> None:
    await session.add_items(HISTORY)

    assert await given_to_the_model(run, session) == HISTORY


async def test_a_limit_of_nothing_gives_nothing(run: Run, open_session: OpenSession) -> None:
    session = open_session(session_settings=SessionSettings(limit=0))
    await session.add_items(HISTORY)

    assert await given_to_the_model(run, session) == []


async def test_a_limit_that_cuts_a_call_from_its_output_gives_the_model_neither(
    run: Run, open_session: OpenSession
) -> None:
    """A provider refuses an output without its call."""
    session = open_session(session_settings=SessionSettings(limit=2))
    await session.add_items([asked("Oslo?"), called("weather", "c1"), returned("c1", "Sun"), said("Sun.")])

    assert await given_to_the_model(run, session) == [said("Sun.")]


async def test_settings_of_the_sdk_put_on_a_session_later_count(run: Run, session: AnySession) -> None:
    await session.add_items(HISTORY)
    session.session_settings = agents.SessionSettings(limit=1)

    assert await given_to_the_model(run, session) == HISTORY[3:]


# Fails without: `SessionSettings` being a dictionary
@pytest.mark.parametrize("convert", [copy.copy, copy.deepcopy, SessionSettings.to_dict])
def test_our_settings_go_into_a_run(convert: Callable[[SessionSettings], dict[str, Any]]) -> None:
    """`RunConfig` accepts its own class or a dict, and nothing that only looks like its class."""
    ours = SessionSettings(limit=7)

    config = RunConfig(session_settings=convert(ours))

    assert config.session_settings == agents.SessionSettings(limit=7)
    assert agents.SessionSettings(limit=3).resolve(convert(ours)) == agents.SessionSettings(limit=7)
    assert SessionSettings(limit=3).resolve(config.session_settings) == ours


# Fails without: `SessionSettings` being a dictionary
@pytest.mark.parametrize("settings", [None, SessionSettings(limit=2), agents.SessionSettings(limit=2), {"limit": 2}])
async def test_the_sdk_encrypts_a_session_of_ours(run: Run, open_session: OpenSession, settings: Any) -> None:
    """It reads the settings of the session inside."""
    inside = open_session(session_settings=settings)
    outside: Any = EncryptedSession("conversation", cast("Any", inside), encryption_key="secret")
    await outside.add_items(HISTORY)

    assert await given_to_the_model(run, outside) == (HISTORY if settings is None else HISTORY[2:])
    assert "One?" not in repr(await inside.get_items())

"""`session_input_callback` chooses what the model is given; what is stored does not depend on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from agents import Agent, RunConfig
from agents.testing import ScriptedModel

from .dialogue import asked, inputs, said, says

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import AnySession, Run

HISTORY = [asked("One?"), said("One."), asked("Two?"), said("Two.")]


def last_answer_only(history: list[Any], new: list[Any]) -> list[Any]:
    return [*history[-1:], *new]


def newest_first(history: list[Any], new: list[Any]) -> list[Any]:
    return [*new, *reversed(history)]


def shouted(history: list[Any], new: list[Any]) -> list[Any]:
    """Changes the items it is given in place, as nobody should."""
    for item in history:
        item.clear()
        item.update({"role": "user", "content": "LOUD"})
    return [*history, *new]


async def last_answer_only_async(history: list[Any], new: list[Any]) -> list[Any]:
    return last_answer_only(history, new)


@pytest.mark.parametrize(
    ("callback", "given"),
    [
        (last_answer_only, [HISTORY[3], asked("Three?")]),
        (last_answer_only_async, [HISTORY[3], asked("Three?")]),
        (newest_first, [asked("Three?"), *reversed(HISTORY)]),
        (shouted, [asked("LOUD")] * 4 + [asked("Three?")]),
    ],
)
async def test_the_model_sees_what_the_callback_returns_and_the_session_keeps_all(
    run: Run, session: AnySession, callback: Callable[..., Any], given: list[Any]
) -> None:
    await session.add_items(HISTORY)
    model = ScriptedModel([[says("Three.")]])

    await run(
        Agent(name="assistant", model=model),
        [asked("Three?")],
        session=session,
        run_config=RunConfig(session_input_callback=callback),
    )

    assert inputs(model) == [given]
    assert await session.get_items() == [*HISTORY, asked("Three?"), said("Three.")]

"""A run that waits for a human to approve a tool call, and is resumed: also by another process."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from agents import Agent, RunState, function_tool
from agents.testing import ScriptedModel

from .dialogue import asked, called, calls, inputs, returned, said, says

if TYPE_CHECKING:
    from .conftest import OpenSession, Run

State: TypeAlias = RunState[Any, Any]
Decide: TypeAlias = Callable[[State], None]

QUESTION = [asked("Pay 5."), called("pay", "c1", amount=5)]


@function_tool(needs_approval=True)
def pay(amount: int) -> str:
    """Pay money."""
    return f"{amount} paid"


def approve(state: State) -> None:
    for call in state.get_interruptions():
        state.approve(call)


def reject(state: State) -> None:
    for call in state.get_interruptions():
        state.reject(call, rejection_message="Too much.")


DECISIONS = pytest.mark.parametrize(
    ("decide", "output"), [(approve, "5 paid"), (reject, "Too much.")], ids=["approved", "rejected"]
)


@DECISIONS
async def test_a_resumed_run_adds_what_was_missing(
    run: Run, open_session: OpenSession, decide: Decide, output: str
) -> None:
    session = open_session()
    model = ScriptedModel([[calls("pay", "c1", amount=5)], [says("Understood.")], [says("Bye.")]])
    agent = Agent(name="cashier", model=model, tools=[pay])

    interrupted = await run(agent, "Pay 5.", session=session)
    assert len(interrupted.interruptions) == 1
    assert await session.get_items() == QUESTION

    state = interrupted.to_state()
    decide(state)
    await run(agent, state, session=session)
    conversation = [*QUESTION, returned("c1", output), said("Understood.")]
    assert await session.get_items() == conversation

    await run(agent, "Thanks.", session=session)
    assert inputs(model)[-1] == [*conversation, asked("Thanks.")]


@DECISIONS
async def test_a_run_is_resumed_from_its_stored_state_with_another_session_object(
    run: Run, open_session: OpenSession, decide: Decide, output: str
) -> None:
    before = ScriptedModel([[calls("pay", "c1", amount=5)]])
    interrupted = await run(Agent(name="cashier", model=before, tools=[pay]), "Pay 5.", session=open_session())
    stored = json.dumps(interrupted.to_state().to_json())

    after = ScriptedModel([[says("Understood.")]])
    agent = Agent(name="cashier", model=after, tools=[pay])
    state = await RunState.from_json(agent, json.loads(stored))
    decide(state)
    session = open_session()
    await run(agent, state, session=session)

    conversation = [*QUESTION, returned("c1", output), said("Understood.")]
    assert await session.get_items() == conversation
    assert inputs(after) == [conversation[:3]]


async def test_one_of_two_calls_waits_and_the_conversation_stays_in_order(run: Run, open_session: OpenSession) -> None:
    @function_tool
    def look_up(name: str) -> str:
        """Find an account."""
        return f"{name}: 1234"

    model = ScriptedModel([[calls("look_up", "c0", name="Ada"), calls("pay", "c1", amount=5)], [says("Done.")]])
    agent = Agent(name="cashier", model=model, tools=[look_up, pay])
    session = open_session()

    interrupted = await run(agent, "Pay Ada 5.", session=session)
    state = interrupted.to_state()
    approve(state)
    await run(agent, state, session=session)

    items = await session.get_items()
    assert items[:3] == [asked("Pay Ada 5."), called("look_up", "c0", name="Ada"), called("pay", "c1", amount=5)]
    assert sorted(item["call_id"] for item in items[3:5]) == ["c0", "c1"]
    assert items[5:] == [said("Done.")]


class LosesAnswers:
    """A session whose next `add_items` fails, before or after the items are stored."""

    def __init__(self, session: Any, *, stored: bool) -> None:
        self.session_id = session.session_id
        self.session_settings = session.session_settings
        self.get_items, self.pop_item, self.clear_session = session.get_items, session.pop_item, session.clear_session
        self._add_items, self._stored = session.add_items, stored

    async def add_items(self, items: list[Any]) -> None:
        if self._stored:
            await self._add_items(items)
        raise ConnectionError("the answer was lost")


@pytest.mark.parametrize("stored", [False, True])
async def test_an_approved_call_is_stored_once_although_its_answer_was_lost(
    run: Run, open_session: OpenSession, *, stored: bool
) -> None:
    """The runner compares the session's tail with what it was about to write, and completes what is missing."""
    session = open_session()
    model = ScriptedModel([[calls("pay", "c1", amount=5)], [says("Done.")]])
    agent = Agent(name="cashier", model=model, tools=[pay])
    interrupted = await run(agent, "Pay 5.", session=session)
    state = interrupted.to_state()
    approve(state)

    with pytest.raises(ConnectionError):
        await run(agent, state, session=LosesAnswers(session, stored=stored))
    await run(agent, state, session=session)

    assert await session.get_items() == [*QUESTION, returned("c1", "5 paid"), said("Done.")]

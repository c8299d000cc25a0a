"""Responses without ids: one that a resumed run brings back counts once, and equal ones of two turns twice."""

from __future__ import annotations

import gc
import json
from typing import TYPE_CHECKING, Any

import pytest
from agents import Agent, Runner, RunState, function_tool
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call
from agents.usage import Usage as SDKUsage

from sessions import AdvancedSQLiteSession
from sessions.adapters.openai_agents import SessionHooks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NO_IDS = [None, "__fake_id__", ""]


@function_tool(needs_approval=True)
def pay(amount: int) -> str:
    """Pay."""
    return f"{amount} paid"


@pytest.fixture
def session(tmp_path: Path) -> Iterator[AdvancedSQLiteSession]:
    made = AdvancedSQLiteSession(session_id="s", db_path=tmp_path / "sessions.db")
    yield made
    made.close()


def _step(output: Any, tokens: int, id_: str | None) -> ModelStep:
    usage = SDKUsage(requests=1, input_tokens=tokens, output_tokens=1, total_tokens=tokens + 1)
    return ModelStep(output=[output], usage=usage, response_id=id_)


def _calls(number: int, tokens: int, id_: str | None, item_id: str = "f") -> ModelStep:
    return _step(function_call("pay", {"amount": 5}, call_id=f"c{number}", item_id=f"{item_id}{number}"), tokens, id_)


async def _record(session: AdvancedSQLiteSession, result: Any, how: str) -> None:
    await (session.store_run_usage(result) if how == "flat" else session.usage.record(result))


# Fails without: results.py, `_key_of_output(response, amounts)`
@pytest.mark.parametrize("how", ["flat", "record", "hooks", "hooks and record"])
@pytest.mark.parametrize("id_", [*NO_IDS, "r"])
@pytest.mark.parametrize("approvals", [1, 3])
async def test_a_run_that_is_resumed_from_json_counts_once(
    session: AdvancedSQLiteSession, how: str, id_: str | None, approvals: int
) -> None:
    steps = [_calls(n, 100, id_ and f"{id_}{n}" if id_ == "r" else id_) for n in range(approvals)]
    last = "rx" if id_ == "r" else id_
    agent = Agent(
        name="cashier", model=ScriptedModel([*steps, _step(assistant_message("Paid."), 200, last)]), tools=[pay]
    )
    what: Any = "Pay."
    while what is not None:
        hooks = SessionHooks(session) if how.startswith("hooks") else None
        result = await Runner.run(agent, what, session=session, hooks=hooks)
        if how != "hooks":
            await _record(session, result, how)
        what = None
        if result.interruptions:
            stored = json.dumps(result.to_state().to_json())
            del result
            gc.collect()  # As if another process went on.
            what = await RunState.from_json(agent, json.loads(stored))
            for call in what.get_interruptions():
                what.approve(call)
    total = await session.usage.total()
    assert (total.requests, total.input_tokens) == (approvals + 1, 100 * approvals + 200)


@pytest.mark.parametrize("id_", NO_IDS)
async def test_equal_answers_of_two_turns_are_two(session: AdvancedSQLiteSession, id_: str | None) -> None:
    """
    Fails without: log/usage.py, `turn_id = _id_of_turn(`.
    """
    for _ in range(2):
        agent = Agent(name="a", model=ScriptedModel([_step(assistant_message("Hi.", item_id="m"), 10, id_)]))
        await session.usage.record(await Runner.run(agent, "Hi", session=session))
    assert (await session.usage.total()).requests == 2


@pytest.mark.parametrize("again", ["undo", "pop"])
async def test_an_answer_that_was_given_again_counts_again(session: AdvancedSQLiteSession, again: str) -> None:
    """
    Fails without: log/usage.py, `{rows[0][1] if rows else 0}`.
    """
    for _ in range(2):
        agent = Agent(name="a", model=ScriptedModel([_step(assistant_message("Hi.", item_id="m"), 10, None)]))
        await session.usage.record(await Runner.run(agent, "Hi", session=session))
        if again == "undo":
            await session.undo()
        else:
            while await session.pop_item():
                pass
    assert (await session.usage.total()).requests == 2


def _response(**more: Any) -> dict[str, Any]:
    return {"output": [{"type": "function_call", "call_id": "c1", "name": "pay"}], "usage": _TOKENS, **more}


_TOKENS = {"input_tokens": 5, "output_tokens": 1}


async def test_the_id_goes_before_the_key_and_the_key_before_the_output(session: AdvancedSQLiteSession) -> None:
    """
    Fails without: results.py, `by_id, said.key, by_output`; `or (said.key and not of_run)`.
    """
    await session.usage.record(_response(id="r1"), key="a")
    await session.usage.record(_response(id="r1"))
    await session.usage.record(_response(id="r1"), key="b")
    assert (await session.usage.total()).requests == 1
    await session.usage.record(_response(), key="c")
    await session.usage.record(_response(), key="c")
    assert (await session.usage.total()).requests == 2
    await session.usage.record(_response(), key="d")
    assert (await session.usage.total()).requests == 3
    await session.usage.record(_response())
    await session.usage.record(_response())
    assert (await session.usage.total()).requests == 4


async def test_calls_in_chat_completions_are_known_by_their_ids(session: AdvancedSQLiteSession) -> None:
    message = {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "pay", "arguments": "{}"}}]}
    for _ in range(2):
        usage = {"prompt_tokens": 5, "completion_tokens": 1}
        await session.usage.record({"choices": [{"message": dict(message)}], "usage": usage})
    assert (await session.usage.total()).requests == 1


async def test_what_differs_in_its_usage_or_ids_is_another(session: AdvancedSQLiteSession) -> None:
    await session.usage.record(_response())
    await session.usage.record({**_response(), "usage": {**_TOKENS, "input_tokens": 6}})
    await session.usage.record({"output": [{"type": "function_call", "call_id": "c2"}], "usage": _TOKENS})
    await session.usage.record({"output": [{"type": "message", "id": "__fake_id__"}], "usage": _TOKENS})
    await session.usage.record({"output": [{"type": "message", "id": "__fake_id__"}], "usage": _TOKENS})
    assert (await session.usage.total()).requests == 5


async def test_a_key_for_a_run_holds_across_turns(session: AdvancedSQLiteSession) -> None:
    for _ in range(2):
        await session.add_items([{"role": "user", "content": "Still there?"}])
        await session.usage.record({"raw_responses": [_response()]}, key="run 1")
    assert (await session.usage.total()).requests == 1

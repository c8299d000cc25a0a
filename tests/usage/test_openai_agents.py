"""Runs of the OpenAI Agents SDK: what they took is recorded once, by hooks, by hand or by both."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from agents import (
    Agent,
    MaxTurnsExceeded,
    ModelResponse,
    RunConfig,
    RunHooks,
    Runner,
    RunResult,
    RunResultStreaming,
    function_tool,
)
from agents.testing import ModelStep, ScriptedModel
from agents.usage import Usage as AgentsUsage
from pydantic import TypeAdapter

from sessions import AsyncSQLiteSession, StoreFullError, Usage
from sessions.adapters.openai_agents import SessionHooks
from sessions.session.usage.result_identity import Note, note_of, put_note
from sessions.session.usage.usage import SessionUsage
from sessions.types.usage import UsageRow
from tests.runner.dialogue import calls, says

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Run = Callable[..., Awaitable[RunResult | RunResultStreaming]]


@function_tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"Sun in {city}"


class NamedModel(ScriptedModel):
    """Has a name, as the SDK's own models do."""

    def __init__(self, name: str, *steps: ModelStep) -> None:
        super().__init__(steps)
        self.model = name


def step(output: Any, tokens: int, response_id: str | None = None) -> ModelStep:
    """An answer that took so many tokens of input, and one of output."""
    usage = AgentsUsage(requests=1, input_tokens=tokens, output_tokens=1, total_tokens=tokens + 1)
    return ModelStep(output=[output], usage=usage, response_id=response_id)


def forecaster(*ids: str | None) -> Agent[Any]:
    """An agent whose run takes two calls, of 10 and 20 tokens."""
    first, second = ids or (None, None)
    model = NamedModel("big", step(calls("weather", "c1", city="Oslo"), 10, first), step(says("Sun."), 20, second))
    return Agent(name="forecaster", model=model, tools=[weather])


@pytest.fixture(params=["run", "run_streamed"])
def run(request: pytest.FixtureRequest) -> Run:
    async def streamed(*args: Any, **options: Any) -> RunResultStreaming:
        result = Runner.run_streamed(*args, **options)
        async for _ in result.stream_events():
            pass
        return result

    return Runner.run if request.param == "run" else streamed


@pytest.fixture(params=[("resp_1", "resp_2"), (None, None), ("__fake_id__", "__fake_id__")])
def ids(request: pytest.FixtureRequest) -> tuple[str | None, ...]:
    """What providers give for ids: their own, none, or what the SDK puts for none."""
    found: tuple[str | None, ...] = request.param
    return found


BOTH = Usage(2, 30, output_tokens=2, unpriced_tokens=32)


async def test_hooks_record_each_call(run: Run, session: AsyncSQLiteSession, ids: tuple[str | None, ...]) -> None:
    await run(forecaster(*ids), "Oslo?", session=session, hooks=SessionHooks(session))

    assert await session.usage.by("model", "agent", "turn") == [UsageRow(BOTH, model="big", agent="forecaster", turn=1)]


@pytest.mark.parametrize("hooked", [True, False])
@pytest.mark.parametrize("order", ["result", "usage", "result, usage", "usage, result", "responses, result, usage"])
async def test_a_run_counts_once_however_it_is_recorded(
    run: Run, session: AsyncSQLiteSession, ids: tuple[str | None, ...], order: str, *, hooked: bool
) -> None:
    hooks = SessionHooks(session) if hooked else None

    result = await run(forecaster(*ids), "Oslo?", session=session, hooks=hooks)
    parts: dict[str, list[object]] = {
        "result": [result, result],
        "usage": [result.context_wrapper.usage, result.context_wrapper.usage],
        "responses": [*result.raw_responses, *(response.usage for response in result.raw_responses)],
    }
    for name in order.split(", "):
        for part in parts[name]:
            await session.usage.record(part)

    assert await session.usage.total() == BOTH


async def test_by_hand_the_model_and_agent_of_each_call_are_known_from_the_result(
    run: Run, session: AsyncSQLiteSession
) -> None:
    small = NamedModel("small", step(calls("transfer_to_billing", "h1"), 5))
    billing = Agent(name="billing", model=NamedModel("big", step(says("Done."), 50)))
    triage = Agent(name="triage", model=small, handoffs=[billing])

    await session.usage.record(await run(triage, "My money back!", session=session))

    assert [(row.model, row.agent, row.usage.input_tokens) for row in await session.usage.by("model", "agent")] == [
        ("big", "billing", 50),
        ("small", "triage", 5),
    ]


async def test_hooks_know_the_model_and_agent_of_each_call_across_a_handoff(
    run: Run, session: AsyncSQLiteSession
) -> None:
    small = NamedModel("small", step(calls("transfer_to_billing", "h1"), 5))
    billing = Agent(name="billing", model=NamedModel("big", step(says("Done."), 50)))
    triage = Agent(name="triage", model=small, handoffs=[billing])

    await run(triage, "My money back!", session=session, hooks=SessionHooks(session))

    assert [(row.model, row.agent, row.usage.input_tokens) for row in await session.usage.by("model", "agent")] == [
        ("big", "billing", 50),
        ("small", "triage", 5),
    ]


async def test_each_run_counts_in_its_turn(run: Run, session: AsyncSQLiteSession) -> None:
    model = NamedModel("big", *(step(says(f"{number}"), number) for number in (1, 2, 4)))
    agent, hooks = Agent(name="a", model=model), SessionHooks(session)

    await run(agent, "first", session=session, hooks=hooks)
    await run(agent, "second", session=session, hooks=hooks)
    # A third run in the second turn: an agent that goes on by itself.
    await run(agent, [], session=session, hooks=hooks)

    rows = await session.usage.by("turn")
    assert [(row.turn, row.usage.requests, row.usage.input_tokens) for row in rows] == [(1, 1, 1), (2, 2, 6)]


async def test_what_hooks_are_not_told_of_is_recorded_with_the_result(run: Run, session: AsyncSQLiteSession) -> None:
    inner = Agent(name="inner", model=NamedModel("small", step(says("in"), 100)))
    outer = NamedModel("big", step(calls("ask", "c1", input="?"), 1), step(says("out"), 2))
    agent = Agent(name="outer", model=outer, tools=[inner.as_tool("ask", "Ask")])

    result = await run(agent, "Oslo?", session=session, hooks=SessionHooks(session))
    by_hook = await session.usage.total()
    await session.usage.record(result)

    assert by_hook.input_tokens == 3
    assert [(row.model, row.usage.input_tokens) for row in await session.usage.by("model")] == [(None, 100), ("big", 3)]


async def test_an_agent_used_as_a_tool_can_have_hooks_too(run: Run, session: AsyncSQLiteSession) -> None:
    inner = Agent(name="inner", model=NamedModel("small", step(says("in"), 100)))
    outer = NamedModel("big", step(calls("ask", "c1", input="?"), 1), step(says("out"), 2))
    tool = inner.as_tool("ask", "Ask", hooks=SessionHooks(session))

    result = await run(
        Agent(name="outer", model=outer, tools=[tool]), "?", session=session, hooks=SessionHooks(session)
    )
    await session.usage.record(result)

    rows = await session.usage.by("model", "turn")
    assert [(row.model, row.turn, row.usage.input_tokens) for row in rows] == [("big", 1, 3), ("small", 1, 100)]


@pytest.fixture
def full_disk(session: AsyncSQLiteSession, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Recording fails so many times as `times` says."""
    left = {"times": 0}
    write = session._handle.write
    handle = type(session._handle)

    async def failing(_: Any, work: Any) -> Any:
        if left["times"]:
            left["times"] -= 1
            raise StoreFullError("the disk is full")
        return await write(work)

    monkeypatch.setattr(handle, "write", failing)
    return left


async def test_an_error_of_the_database_does_not_end_the_run_and_a_retry_counts_once(
    run: Run,
    session: AsyncSQLiteSession,
    full_disk: dict[str, int],
    ids: tuple[str | None, ...],
    caplog: pytest.LogCaptureFixture,
) -> None:
    class FullForTheFirstCall(SessionHooks):
        async def on_llm_end(self, context: Any, agent: Any, response: ModelResponse) -> None:
            full_disk["times"] = int(not any(message == "seen" for message in seen))
            seen.append("seen")
            await super().on_llm_end(context, agent, response)

    seen: list[str] = []

    result = await run(forecaster(*ids), "A secret?", session=session, hooks=FullForTheFirstCall(session))
    by_hook = await session.usage.total()
    full_disk["times"] = 1
    with pytest.raises(StoreFullError):
        await session.usage.record(result)
    await session.usage.record(result)

    assert result.final_output == "Sun."
    assert by_hook.input_tokens == 20
    assert await session.usage.by("model", "agent") == [UsageRow(BOTH, model="big", agent="forecaster")]
    (warning,) = caplog.messages
    assert "'conversation'" in warning
    assert "StoreFullError" in warning
    assert "secret" not in warning


async def test_what_hooks_knew_is_recorded_by_hand_where_they_could_not(
    session: AsyncSQLiteSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise StoreFullError("the disk is full")

    with monkeypatch.context() as full:
        full.setattr(SessionUsage, "record", refuse)
        hooks = SessionHooks(session, model="chosen")
        result = await Runner.run(forecaster(), "Oslo?", session=session, hooks=hooks)
    await session.usage.record(result)

    assert await session.usage.by("model") == [UsageRow(BOTH, model="chosen")]


async def test_a_run_that_goes_on_after_an_interruption_counts_once(run: Run, session: AsyncSQLiteSession) -> None:
    @function_tool(needs_approval=True)
    def pay(amount: int) -> str:
        """Pay."""
        return f"{amount} paid"

    inner = Agent(name="inner", model=NamedModel("small", step(says("in"), 100)))
    model = NamedModel(
        "big", step(calls("ask", "c1", input="?"), 1), step(calls("pay", "c2", amount=5), 2), step(says("Done."), 4)
    )
    agent = Agent(name="a", model=model, tools=[pay, inner.as_tool("ask", "Ask")])

    result = await run(agent, "Pay!", session=session)
    await session.usage.record(result)
    state = result.to_state()
    state.approve(result.interruptions[0])
    resumed = await run(agent, state, session=session)
    await session.usage.record(resumed)

    assert resumed.final_output == "Done."
    assert (await session.usage.total()).input_tokens == 107


async def test_the_usage_of_a_run_that_goes_on_is_recorded_as_it_grows(session: AsyncSQLiteSession) -> None:
    class ByHand(RunHooks[Any]):
        async def on_llm_end(self, context: Any, *_: Any) -> None:
            await session.usage.record(context.usage)

    await Runner.run(forecaster(), "Oslo?", session=session, hooks=ByHand())

    assert await session.usage.total() == BOTH


async def test_what_a_run_took_that_failed_is_in_its_error(session: AsyncSQLiteSession) -> None:
    with pytest.raises(MaxTurnsExceeded) as raised:
        await Runner.run(forecaster(), "Oslo?", session=session, max_turns=1)
    await session.usage.record(raised.value.run_data)

    (row,) = await session.usage.by("model", "agent", "turn")
    assert (row.model, row.agent, row.turn, row.usage.input_tokens) == ("big", "forecaster", 1, 10)


async def test_equal_runs_are_two_runs(session: AsyncSQLiteSession) -> None:
    for _ in range(2):
        result = await Runner.run(forecaster(), "Oslo?", session=session, hooks=SessionHooks(session))
        await session.usage.record(result)

    assert await session.usage.total() == BOTH + BOTH


async def test_the_same_result_counts_in_each_session_it_is_recorded_in(session: AsyncSQLiteSession) -> None:
    result = await Runner.run(forecaster(), "Oslo?", session=session, hooks=SessionHooks(session))
    other = AsyncSQLiteSession("other")
    await other.usage.record(result)

    assert await other.usage.total() == BOTH
    await other.close()


async def test_all_callbacks_reach_the_users_own_hooks(run: Run, session: AsyncSQLiteSession) -> None:
    told: list[str] = []

    class Mine(RunHooks[Any]):
        async def on_llm_start(self, *_: Any) -> None:
            told.append("llm start")

        async def on_llm_end(self, *_: Any) -> None:
            told.append("llm end")

        async def on_agent_start(self, *_: Any) -> None:
            told.append("agent start")

        async def on_agent_end(self, *_: Any) -> None:
            told.append("agent end")

        async def on_handoff(self, *_: Any, **__: Any) -> None:
            told.append("handoff")

        async def on_tool_start(self, *_: Any) -> None:
            told.append("tool start")

        async def on_tool_end(self, *_: Any) -> None:
            told.append("tool end")

    def triage() -> Agent[Any]:
        model = NamedModel("small", step(calls("transfer_to_forecaster", "h1"), 5))
        return Agent(name="triage", model=model, handoffs=[forecaster()])

    await run(triage(), "Oslo?", hooks=Mine())
    alone = list(told)
    told.clear()
    await run(triage(), "Oslo?", session=session, hooks=SessionHooks(session, hooks=Mine()))

    assert set(told) == {"llm start", "llm end", "agent start", "agent end", "handoff", "tool start", "tool end"}
    assert told == alone


async def test_the_users_own_hooks_may_end_the_run_and_the_call_is_recorded(session: AsyncSQLiteSession) -> None:
    class Strict(RunHooks[Any]):
        async def on_llm_end(self, *_: Any) -> None:
            raise RuntimeError("too expensive")

    with pytest.raises(RuntimeError, match="too expensive"):
        await Runner.run(forecaster(), "Oslo?", session=session, hooks=SessionHooks(session, hooks=Strict()))

    assert (await session.usage.total()).input_tokens == 10


async def test_the_model_can_be_named_where_the_run_chooses_it(session: AsyncSQLiteSession) -> None:
    chosen = NamedModel("small", step(says("Sun."), 20))
    agent = Agent(name="a", model="gpt-x")

    hooks = SessionHooks(session, model="small")
    await Runner.run(agent, "Oslo?", session=session, hooks=hooks, run_config=RunConfig(model=chosen))

    assert [row.model for row in await session.usage.by("model")] == ["small"]


async def test_an_agent_without_a_model_has_the_default_one(
    session: AsyncSQLiteSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_DEFAULT_MODEL", "gpt-default")
    config = RunConfig(model=ScriptedModel([step(says("Sun."), 20)]))

    await Runner.run(Agent(name="a"), "Oslo?", session=session, hooks=SessionHooks(session), run_config=config)

    assert [row.model for row in await session.usage.by("model")] == ["gpt-default"]


async def test_the_usage_goes_to_the_branch_that_the_run_is_on(session: AsyncSQLiteSession) -> None:
    await session.add_items([{"role": "user", "content": "first"}])
    await session.branches.create("what-if")
    pinned = session.on_branch("what-if")

    await Runner.run(forecaster(), "Oslo?", session=pinned, hooks=SessionHooks(pinned))

    assert await session.usage.total(branch="what-if") == BOTH
    assert await session.usage.total(branch="main") == Usage()


async def test_calls_of_which_nothing_is_known_leave_no_record(session: AsyncSQLiteSession) -> None:
    await session.usage.record(ModelResponse(output=[], usage=AgentsUsage(), response_id="resp_1"))

    assert await session.branches.list() == [], "the session has not begun"
    assert await session.usage.by("model") == []


def test_a_note_changes_nothing_that_the_sdk_sees_and_goes_with_copies() -> None:
    usage = AgentsUsage(requests=1, input_tokens=2)
    before = (repr(usage), dataclasses.asdict(usage), TypeAdapter(AgentsUsage).dump_json(usage))
    put_note(usage, Note("k"))
    assert (repr(usage), dataclasses.asdict(usage), TypeAdapter(AgentsUsage).dump_json(usage)) == before
    assert usage == AgentsUsage(requests=1, input_tokens=2)
    for copied in (usage, copy.copy(usage), copy.deepcopy(usage), pickle.loads(pickle.dumps(usage))):  # noqa: S301
        note = note_of(copied)
        assert note is not None
        assert note.key == "k"


def test_hooks_want_a_session_of_this_package() -> None:
    with pytest.raises(TypeError, match=r"session must be a session of this package, .* not dict"):
        SessionHooks({})  # type: ignore[arg-type]


def test_nothing_else_imports_the_sdk_and_without_it_the_error_says_what_to_install() -> None:
    program = """
import json, sys
sys.modules["agents"] = None
import sessions, sessions.session.usage.usage
try:
    import sessions.adapters.openai_agents
except ImportError as error:
    print(json.dumps(str(error)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "pip install openai-agents" in json.loads(done.stdout)

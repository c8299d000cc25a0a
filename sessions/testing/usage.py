"""The contract of `session.usage.record`: results that count once, and results that count each time.

Results have the shapes of the OpenAI Agents SDK and of providers; neither is imported. Hooks are imitated by the call
that they make.
"""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from sessions.errors import IdempotencyKeyReusedError
from sessions.session.usage.results import Said, note_call
from sessions.testing.fixtures import MakeLogSession, SessionAndClock

if TYPE_CHECKING:
    from sessions.session.base import LogSession


@dataclass
class RunUsage:
    """Usage as the SDK counts it, of a response or of all that a run took until now."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def add(self, other: RunUsage) -> None:
        """Count more."""
        self.requests += other.requests
        self.input_tokens += other.input_tokens


@dataclass
class RunResponse:
    """A model's response as the SDK returns it."""

    usage: RunUsage
    response_id: str | None = None
    output: list[Any] = field(default_factory=list)


@dataclass
class Context:
    """The context that hooks get and that a result has."""

    usage: RunUsage = field(default_factory=RunUsage)


@dataclass
class RunResult:
    """A run's result."""

    raw_responses: list[RunResponse] = field(default_factory=list)
    context_wrapper: Context = field(default_factory=Context)

    def respond(self, tokens: int, id_: str | None = None, *call_ids: str) -> RunResponse:
        """Have the run's own model answer; return the response."""
        response = _response(tokens, id_, *call_ids)
        self.raw_responses.append(response)
        self.context_wrapper.usage.add(response.usage)
        return response

    def respond_as_tool(self, tokens: int, id_: str | None = None) -> RunResponse:
        """Have an agent answer that the run uses as a tool: it shares the usage, and its responses are not here."""
        response = _response(tokens, id_)
        self.context_wrapper.usage.add(response.usage)
        return response

    def from_json(self) -> RunResult:
        """Return the result of the same run as a process has it that goes on from JSON."""
        made = RunResult([_response(one.usage.input_tokens, one.response_id) for one in self.raw_responses])
        for copied, one in zip(made.raw_responses, self.raw_responses, strict=True):
            copied.output = copy.deepcopy(one.output)
        made.context_wrapper.usage.add(self.context_wrapper.usage)
        return made


def _response(tokens: int, id_: str | None, *call_ids: str) -> RunResponse:
    output = [{"type": "function_call", "call_id": call_id} for call_id in call_ids]
    return RunResponse(RunUsage(1, tokens), id_, output)


async def _hook(session: LogSession, run: RunResult, response: RunResponse, agent: str = "outer") -> None:
    note_call(run.context_wrapper.usage, response, Said("big", agent))
    await session.usage.record(response, model="big", agent=agent)


async def _tokens(session: LogSession) -> int:
    return (await session.usage.total()).input_tokens


class UsageContract(SessionAndClock):
    """Results that `session.usage.record` counts once."""

    @pytest.fixture(params=[True, False], ids=["with ids", "without ids"])
    def has_ids(self, request: pytest.FixtureRequest) -> bool:
        """Whether the provider gives its responses ids."""
        return bool(request.param)

    async def test_a_run_counts_once_by_hooks_and_by_its_result(self, session: LogSession, *, has_ids: bool) -> None:
        run = RunResult()
        for number, tokens in enumerate((1, 2), 1):
            await _hook(session, run, run.respond(tokens, f"r{number}" if has_ids else None))
        assert await _tokens(session) == 3
        for _ in range(2):
            await session.usage.record(run)
            await session.usage.record(run.context_wrapper.usage)
            await session.usage.record(run.raw_responses[0])
        assert await _tokens(session) == 3
        assert [(row.model, row.agent) for row in await session.usage.by("model", "agent")] == [("big", "outer")]

    async def test_a_call_that_a_hook_could_not_record_comes_with_the_result(
        self, session: LogSession, *, has_ids: bool
    ) -> None:
        run = RunResult()
        first = run.respond(1, "r1" if has_ids else None)
        note_call(run.context_wrapper.usage, first, Said("big", "outer"))
        await _hook(session, run, run.respond(2, "r2" if has_ids else None), "inner")
        await session.usage.record(run)
        rows = {row.agent: row.usage.input_tokens for row in await session.usage.by("agent")}
        assert rows == {"outer": 1, "inner": 2}

    async def test_an_agent_used_as_a_tool_belongs_to_the_run(self, session: LogSession, *, has_ids: bool) -> None:
        run = RunResult()
        await _hook(session, run, run.respond(1, "r1" if has_ids else None))
        await _hook(session, run, run.respond_as_tool(10, "r2" if has_ids else None), "inner")
        run.respond_as_tool(100, "r3" if has_ids else None)  # This one has no hooks.
        await _hook(session, run, run.respond(2, "r4" if has_ids else None))
        assert await _tokens(session) == 13
        for _ in range(2):
            await session.usage.record(run)
            rows = {row.agent: row.usage.input_tokens for row in await session.usage.by("agent")}
            assert rows == {None: 100, "outer": 3, "inner": 10}

    async def test_a_run_that_goes_on_with_copies_counts_once(self, session: LogSession, *, has_ids: bool) -> None:
        for copied in (copy.deepcopy, _pickled):
            before = await _tokens(session)
            run = RunResult()
            run.respond(1, f"{copied.__name__}1" if has_ids else None)
            run.respond_as_tool(10)
            await session.usage.record(run)
            resumed = copied(run)
            resumed.respond(2, f"{copied.__name__}2" if has_ids else None)
            resumed.respond_as_tool(20)
            await session.usage.record(resumed)
            await session.usage.record(run)
            assert await _tokens(session) == before + 33

    async def test_a_run_that_another_process_goes_on_with_counts_once(
        self, make: MakeLogSession, session: LogSession
    ) -> None:
        run = RunResult()
        await _hook(session, run, run.respond(1, "r1"))
        run.respond_as_tool(10, "r2")
        await session.usage.record(run)
        resumed, other = run.from_json(), make(session.session_id)
        await _hook(other, resumed, resumed.respond(2, "r3"))
        resumed.respond_as_tool(20, "r4")
        await other.usage.record(resumed)
        await session.usage.record(run)
        assert await _tokens(session) == 33

    async def test_without_ids_another_process_knows_a_response_by_its_calls(
        self, make: MakeLogSession, session: LogSession
    ) -> None:
        run = RunResult()
        await _hook(session, run, run.respond(1, None, "c1"))
        resumed, other = run.from_json(), make(session.session_id)
        await _hook(other, resumed, resumed.respond(2, None, "c2"))
        await other.usage.record(resumed)
        assert await _tokens(session) == 3

    async def test_equal_runs_are_two_runs(self, session: LogSession) -> None:
        for _ in range(2):
            run = RunResult()
            await _hook(session, run, run.respond(1))
            await session.usage.record(run)
        assert await _tokens(session) == 2

    async def test_a_response_of_a_provider_counts_by_its_id_else_by_the_key_else_each_time(
        self, make: MakeLogSession, session: LogSession
    ) -> None:
        other, usage = make(session.session_id), {"input_tokens": 1}
        for _ in range(2):
            for one in (session, other):
                await one.usage.record({"id": "r1", "usage": usage})
                await one.usage.record({"usage": usage}, key="k")
        assert await _tokens(session) == 2
        response = {"usage": usage}
        await session.usage.record(response)
        await session.usage.record(response)
        await session.usage.record(usage)
        await session.usage.record(input_tokens=1)
        assert await _tokens(session) == 6
        with pytest.raises(IdempotencyKeyReusedError):
            await session.usage.record(input_tokens=2, key="k")
        assert await _tokens(session) == 6


def _pickled(run: RunResult) -> RunResult:
    found: RunResult = pickle.loads(pickle.dumps(run))  # noqa: S301 - it was made here
    return found

"""What providers and frameworks say of usage, object or dictionary, is read by its shape."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest
from agents import ModelResponse
from agents.usage import Usage as AgentsUsage
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion
from openai.types.completion_usage import CompletionTokensDetails, PromptTokensDetails
from openai.types.responses import Response, ResponseUsage
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

from sessions import AsyncSQLiteSession, IdempotencyKeyReusedError, Usage
from sessions.errors import TurnNotFoundError


class Thing:
    """An object of a package that is not installed here."""

    def __init__(self, **attributes: object) -> None:
        self.__dict__.update(attributes)


CHAT = CompletionUsage(
    prompt_tokens=100,
    completion_tokens=20,
    total_tokens=120,
    prompt_tokens_details=PromptTokensDetails(cached_tokens=60),
    completion_tokens_details=CompletionTokensDetails(reasoning_tokens=5),
)
RESPONSES = ResponseUsage(
    input_tokens=100,
    input_tokens_details=InputTokensDetails(cached_tokens=60, cache_write_tokens=7),
    output_tokens=20,
    output_tokens_details=OutputTokensDetails(reasoning_tokens=5),
    total_tokens=120,
)
AGENTS = AgentsUsage(
    requests=2,
    input_tokens=100,
    input_tokens_details=InputTokensDetails(cached_tokens=60, cache_write_tokens=7),
    output_tokens=20,
    output_tokens_details=OutputTokensDetails(reasoning_tokens=5),
)
ANTHROPIC = {
    "input_tokens": 33,
    "output_tokens": 20,
    "cache_read_input_tokens": 60,
    "cache_creation_input_tokens": 7,
}
COMPLETION = ChatCompletion(
    id="chatcmpl_1", choices=[], created=0, model="chat-model", object="chat.completion", usage=CHAT
)
RESPONSE = Response.model_construct(id="resp_1", model="responses-model", usage=RESPONSES)
MESSAGE = Thing(id="msg_1", model="claude", usage=Thing(**ANTHROPIC))
MODEL_RESPONSE = ModelResponse(output=[], usage=AGENTS, response_id="resp_1")

OF_CHAT = Usage(1, 100, 60, 0, 20, 5, unpriced_tokens=120)
OF_RESPONSES = Usage(1, 100, 60, 7, 20, 5, unpriced_tokens=120)
OF_AGENTS = Usage(2, 100, 60, 7, 20, 5, unpriced_tokens=120)
OF_ANTHROPIC = Usage(1, 100, 60, 7, 20, 0, unpriced_tokens=120)


@pytest.mark.parametrize(
    ("result", "expected", "model"),
    [
        pytest.param(CHAT, OF_CHAT, None, id="chat usage"),
        pytest.param(CHAT.model_dump(), OF_CHAT, None, id="chat usage, JSON"),
        pytest.param(COMPLETION, OF_CHAT, "chat-model", id="chat"),
        pytest.param(COMPLETION.model_dump(), OF_CHAT, "chat-model", id="chat, JSON"),
        pytest.param(
            {"prompt_tokens": 100, "completion_tokens": 20, "cache_read_input_tokens": 60},
            Usage(1, 100, output_tokens=20, unpriced_tokens=120),
            None,
            id="chat usage of a gateway to Anthropic",
        ),
        pytest.param({"prompt_tokens": 4, "total_tokens": 4}, Usage(1, 4, unpriced_tokens=4), None, id="embeddings"),
        pytest.param(RESPONSES, OF_RESPONSES, None, id="responses usage"),
        pytest.param(RESPONSES.model_dump(), OF_RESPONSES, None, id="responses usage, JSON"),
        pytest.param(RESPONSE, OF_RESPONSES, "responses-model", id="responses"),
        pytest.param(
            {"id": "resp_1", "model": "responses-model", "usage": RESPONSES.model_dump()},
            OF_RESPONSES,
            "responses-model",
            id="responses, JSON",
        ),
        pytest.param(Thing(**ANTHROPIC), OF_ANTHROPIC, None, id="anthropic usage"),
        pytest.param(ANTHROPIC, OF_ANTHROPIC, None, id="anthropic usage, JSON"),
        pytest.param(MESSAGE, OF_ANTHROPIC, "claude", id="anthropic"),
        pytest.param(
            {"id": "msg_1", "model": "claude", "usage": ANTHROPIC}, OF_ANTHROPIC, "claude", id="anthropic, JSON"
        ),
        pytest.param(
            {**ANTHROPIC, "cache_read_input_tokens": None, "cache_creation_input_tokens": None},
            Usage(1, 33, 0, 0, 20, unpriced_tokens=53),
            None,
            id="anthropic usage without a cache",
        ),
        pytest.param(AGENTS, OF_AGENTS, None, id="agents usage"),
        pytest.param(MODEL_RESPONSE, OF_AGENTS, None, id="model response"),
        pytest.param(
            {
                "requests": 2,
                "input_tokens": 100,
                "input_tokens_details": [{"cached_tokens": 60, "cache_write_tokens": 7}],
                "output_tokens": 20,
                "output_tokens_details": [{"reasoning_tokens": 5}],
            },
            OF_AGENTS,
            None,
            id="agents usage, JSON",
        ),
    ],
)
async def test_each_shape_is_read(
    session: AsyncSQLiteSession, result: object, expected: Usage, model: str | None
) -> None:
    await session.usage.record(result)

    (row,) = await session.usage.by("model")
    assert (row.model, row.usage) == (model, expected)


@pytest.mark.parametrize("result", [COMPLETION, RESPONSE, AGENTS, MODEL_RESPONSE, MESSAGE])
async def test_a_response_with_an_id_and_what_is_of_the_sdk_count_once(
    session: AsyncSQLiteSession, result: Any
) -> None:
    result = copy.deepcopy(result)
    await session.usage.record(result)
    before = await session.usage.total()
    await session.usage.record(result)

    assert before.total_tokens == 120
    assert await session.usage.total() == before


@pytest.mark.parametrize("result", [CHAT, RESPONSES, COMPLETION.usage, Thing(**ANTHROPIC), ANTHROPIC])
async def test_usage_of_a_provider_has_no_id_and_counts_each_time(session: AsyncSQLiteSession, result: Any) -> None:
    await session.usage.record(result)
    await session.usage.record(result)

    assert (await session.usage.total()).total_tokens == 240


async def test_the_sdks_usage_of_a_response_first_and_the_response_then_count_once(
    session: AsyncSQLiteSession,
) -> None:
    result = copy.deepcopy(MODEL_RESPONSE)
    await session.usage.record(result.usage)
    await session.usage.record(result)
    await session.usage.record(result.usage)

    assert (await session.usage.total()).total_tokens == 120


async def test_what_was_recorded_in_one_session_first_counts_once_in_another(session: AsyncSQLiteSession) -> None:
    result = copy.deepcopy(MODEL_RESPONSE)
    other = AsyncSQLiteSession("other")
    await other.usage.record(result.usage)
    await other.close()

    await session.usage.record(result)
    await session.usage.record(result.usage)

    assert (await session.usage.total()).total_tokens == 120


async def test_a_response_is_known_by_its_id_from_wherever_it_comes(session: AsyncSQLiteSession) -> None:
    await session.usage.record(COMPLETION)
    await session.usage.record(COMPLETION.model_copy(deep=True))
    await session.usage.record(COMPLETION.model_dump())

    assert (await session.usage.total()).requests == 1


@pytest.mark.parametrize("response_id", ["x" * 500, "\ud800", "a\nb"])
async def test_ids_of_any_kind_keep_a_response_from_counting_twice(
    session: AsyncSQLiteSession, response_id: str
) -> None:
    for tokens in (1, 1):
        await session.usage.record({"id": response_id, "usage": {"input_tokens": tokens}})
    await session.usage.record({"id": response_id + "y", "usage": {"input_tokens": 5}})

    assert (await session.usage.total()).input_tokens == 6


async def test_equal_objects_are_two_results(session: AsyncSQLiteSession) -> None:
    await session.usage.record(CHAT.model_copy(deep=True))
    await session.usage.record(CHAT.model_copy(deep=True))

    assert (await session.usage.total()).requests == 2


def run_of(*responses: object, **usage: int) -> dict[str, Any]:
    return {"raw_responses": list(responses), "context_wrapper": {"usage": usage}}


async def test_responses_of_one_run_with_the_same_id_do_not_hide_what_it_took(session: AsyncSQLiteSession) -> None:
    """Some gateways give each answer the same id."""
    responses = [{"id": "chat", "usage": {"input_tokens": tokens, "output_tokens": 0}} for tokens in (1, 2)]
    await session.usage.record({"raw_responses": responses})
    assert (await session.usage.total()).requests == 1

    await session.usage.record(run_of(*responses, requests=2, input_tokens=3))
    assert (await session.usage.total()).input_tokens == 3


async def test_copies_of_a_response_in_one_run_count_once(session: AsyncSQLiteSession) -> None:
    first = RESPONSE.model_copy(deep=True)
    with pytest.raises(TurnNotFoundError):
        await session.usage.record(first.usage, turn=9)

    await session.usage.record({"raw_responses": [first, RESPONSE.model_copy(deep=True)]})

    assert await session.usage.total() == OF_RESPONSES


async def test_a_run_took_at_least_what_its_calls_took(session: AsyncSQLiteSession) -> None:
    """A run that goes on from what was saved without its usage begins to count anew."""
    responses = [{"id": str(tokens), "usage": {"input_tokens": tokens}} for tokens in (10, 20)]

    await session.usage.record(run_of(*responses, requests=1, input_tokens=20))

    assert await session.usage.total() == Usage(2, 30, unpriced_tokens=30)


async def test_what_the_caller_says_goes_before_what_the_result_says(session: AsyncSQLiteSession) -> None:
    await session.usage.record(COMPLETION, model="mine", agent="me")

    (row,) = await session.usage.by("model", "agent")
    assert (row.model, row.agent) == ("mine", "me")


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        (
            object(),
            ValueError,
            "result, of type object, has no token counts. Nothing was recorded. Pass numbers instead",
        ),
        ({}, ValueError, "of type dict, has no token counts"),
        ({"id": "x", "usage": None}, ValueError, "of type dict, has no token counts"),
        ("text", ValueError, "of type str, has no token counts"),
        ({"input_tokens": -1}, ValueError, "input_tokens must be at least 0, got -1"),
        ({"input_tokens": 10**12 + 1}, ValueError, "input_tokens must be at most 1000000000000"),
        ({"input_tokens": 1.0}, TypeError, "input_tokens must be an integer, not float"),
        ({"prompt_tokens": True}, TypeError, "prompt_tokens must be an integer, not bool"),
        (
            {"input_tokens": 1, "input_tokens_details": {"cached_tokens": "2"}},
            TypeError,
            "cached_tokens must be an int",
        ),
        (
            {"raw_responses": [{"usage": {"input_tokens": 5}}, {"usage": {"input_tokens": -1}}]},
            ValueError,
            "at least 0",
        ),
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_recorded(
    session: AsyncSQLiteSession, result: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        await session.usage.record(result)

    assert await session.usage.total() == Usage()


async def test_names_that_a_database_cannot_hold_do_not_lose_usage(session: AsyncSQLiteSession) -> None:
    await session.usage.record({"model": "a\0b\ud800" + "é" * 255, "usage": {"input_tokens": 1}})

    (row,) = await session.usage.by("model")
    assert row.model is not None
    assert row.model.startswith("a\ufffdb?é")
    assert len(row.model.encode()) <= 255


async def test_the_usage_of_a_run_can_have_a_cost(session: AsyncSQLiteSession) -> None:
    usage = copy.deepcopy(AGENTS)
    await session.usage.record(usage, cost="0.5")
    await session.usage.record(usage)

    assert await session.usage.total() == Usage(2, 100, 60, 7, 20, 5, cost=Decimal("0.5"))


async def test_a_run_of_one_call_can_have_a_cost(session: AsyncSQLiteSession) -> None:
    run = run_of({"id": "r", "usage": {"input_tokens": 5}}, requests=1, input_tokens=5)
    await session.usage.record(run, cost="0.5")
    await session.usage.record(run)

    assert await session.usage.total() == Usage(1, 5, cost=Decimal("0.5"))


async def test_the_usage_of_a_run_can_have_a_key(session: AsyncSQLiteSession) -> None:
    await session.usage.record(AgentsUsage(requests=1, input_tokens=5), key="k")
    await session.usage.record(AgentsUsage(requests=1, input_tokens=5), key="k")
    with pytest.raises(IdempotencyKeyReusedError):
        await session.usage.record(AgentsUsage(requests=1, input_tokens=6), key="k")

    assert await session.usage.total() == Usage(1, 5, unpriced_tokens=5)

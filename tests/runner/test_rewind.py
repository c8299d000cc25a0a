"""A model attempt that failed and is repeated: nothing may stand twice in the conversation.

In version 0.24 the runner's own rewind is kept for conversations that a server keeps, and those it refuses to combine
with a session. So a repeated attempt through `Runner` never pops; what its rewind does to a session is shown by
calling it as the runner would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from agents import Agent, ModelRetrySettings, ModelSettings, retry_policies
from agents.run_internal import model_retry
from agents.run_internal.oai_conversation import OpenAIServerConversationTracker
from agents.run_internal.session_persistence import rewind_session_items
from agents.testing import ScriptedModel
from openai import BadRequestError

from .dialogue import asked, called, inputs, returned, said, says

if TYPE_CHECKING:
    from .conftest import AnySession, Run

HISTORY = [asked("One?"), said("One.")]


def conversation_locked() -> BadRequestError:
    """What the vendor's server answers while another request holds the conversation."""
    response = httpx2.Response(400, request=httpx2.Request("POST", "https://example.invalid"))
    return BadRequestError("locked", response=response, body={"code": "conversation_locked"})


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runner waits a second before it tries again; here it does not."""

    async def no_wait(_delay: float) -> None:
        return

    monkeypatch.setattr(model_retry, "_sleep_for_retry", no_wait)


@pytest.mark.usefixtures("_at_once")
@pytest.mark.parametrize(
    ("error", "retry"),
    [
        (conversation_locked(), None),
        (RuntimeError("try again"), ModelRetrySettings(max_retries=2, policy=lambda _context: True)),
        (
            BadRequestError(
                "busy",
                response=httpx2.Response(503, request=httpx2.Request("POST", "https://example.invalid")),
                body=None,
            ),
            ModelRetrySettings(max_retries=2, policy=retry_policies.http_status([503])),
        ),
    ],
    ids=["conversation locked", "any error", "status 503"],
)
async def test_a_repeated_attempt_adds_nothing_twice(
    run: Run, session: AnySession, error: Exception, retry: ModelRetrySettings | None
) -> None:
    await session.add_items(HISTORY)
    model = ScriptedModel([error, error, [says("Two.")]])
    agent = Agent(name="assistant", model=model, model_settings=ModelSettings(retry=retry))

    await run(agent, "Two?", session=session)

    assert inputs(model) == [[*HISTORY, asked("Two?")]] * 3
    assert await session.get_items() == [*HISTORY, asked("Two?"), said("Two.")]


async def test_the_rewind_removes_the_failed_attempt_only(session: AnySession) -> None:
    failed: list[Any] = [asked("Two?"), called("weather", "c1", city="Oslo"), returned("c1", "Sun")]
    await session.add_items(HISTORY)
    await session.add_items(failed)

    await rewind_session_items(session, failed)

    assert await session.get_items() == HISTORY


async def test_the_rewind_leaves_a_conversation_alone_that_went_on(session: AnySession) -> None:
    await session.add_items([*HISTORY, asked("Two?"), asked("Somebody else's question")])

    await rewind_session_items(session, [{"role": "user", "content": "Two?"}])

    assert await session.get_items() == [*HISTORY, asked("Two?"), asked("Somebody else's question")]


async def test_the_rewind_puts_back_what_it_should_not_have_popped(session: AnySession) -> None:
    """Another process appends between the runner's look at the tail and its pop."""

    class Overtaken:
        """The session, with a writer that is faster than the first pop."""

        session_id = session.session_id
        session_settings: Any = None
        get_items, add_items, clear_session = session.get_items, session.add_items, session.clear_session

        async def pop_item(self) -> Any:
            await session.add_items([asked("Faster")])
            return await session.pop_item()

    await session.add_items([*HISTORY, asked("Two?")])

    await rewind_session_items(Overtaken(), [{"role": "user", "content": "Two?"}])

    assert await session.get_items() == [*HISTORY, asked("Two?"), asked("Faster")]


async def test_the_rewind_also_removes_what_the_server_never_accepted(session: AnySession) -> None:
    stray, failed = asked("Sent, but lost"), asked("Two?")
    await session.add_items([*HISTORY, stray, failed])
    tracker = OpenAIServerConversationTracker(conversation_id="conv", server_item_ids={said("One.")["id"]})
    tracker.mark_input_as_sent([{"role": "user", "content": "Sent, but lost"}])

    await rewind_session_items(session, [{"role": "user", "content": "Two?"}], tracker)

    assert await session.get_items() == HISTORY

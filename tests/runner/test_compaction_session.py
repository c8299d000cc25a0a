"""The SDK's compaction session with one of ours underneath.

It is the part of the SDK that uses all four methods: it reads with the largest limit there is, pops, clears, and writes
back a shorter history.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from agents import Agent, OpenAIResponsesCompactionSession
from agents.testing import ScriptedModel

from .dialogue import asked, inputs, said, says

if TYPE_CHECKING:
    from .conftest import AnySession, Run

COMPACTED: dict[str, Any] = {"type": "compaction", "id": "cmp_1", "encrypted_content": "encrypted by the vendor"}


class Compactor:
    """Stands for the vendor's client: answers each request for a summary with `output`."""

    def __init__(self, output: list[dict[str, Any]] | Exception) -> None:
        self.responses = self
        self.output = output

    async def compact(self, **_options: Any) -> SimpleNamespace:
        if isinstance(self.output, Exception):
            raise self.output
        return SimpleNamespace(output=self.output, usage=None)


def compacting(session: AnySession, output: list[dict[str, Any]] | Exception) -> OpenAIResponsesCompactionSession:
    client: Any = Compactor(output)
    return OpenAIResponsesCompactionSession(
        session.session_id, session, client=client, should_trigger_compaction=lambda _context: True
    )


async def test_a_run_replaces_the_history_with_its_summary(run: Run, session: AnySession) -> None:
    model = ScriptedModel([[says("Two.")], [says("Three.")]])
    agent = Agent(name="assistant", model=model)
    await session.add_items([asked("One?"), said("One.")])

    await run(agent, "Two?", session=compacting(session, [COMPACTED]))
    assert await session.get_items() == [COMPACTED]

    await run(agent, "Three?", session=session)
    assert inputs(model)[1] == [COMPACTED, asked("Three?")]


async def test_a_failed_summary_leaves_the_history(run: Run, session: AnySession) -> None:
    model = ScriptedModel([[says("Two.")]])
    await session.add_items([asked("One?"), said("One.")])

    with pytest.raises(RuntimeError, match="no summary today"):
        await run(
            Agent(name="assistant", model=model),
            "Two?",
            session=compacting(session, RuntimeError("no summary today")),
        )

    assert await session.get_items() == [asked("One?"), said("One."), asked("Two?"), said("Two.")]


async def test_a_summary_that_cannot_be_stored_leaves_the_history(session: AnySession) -> None:
    """Clearing succeeds, adding is refused, and the SDK puts the old history back."""
    history = [asked("One?"), said("One.")]
    await session.add_items(history)

    with pytest.raises((TypeError, ValueError)):
        await compacting(session, [{"type": "compaction", "id": {1, 2}}]).run_compaction({"force": True})

    assert await session.get_items() == history


async def test_it_pops_through_to_the_session(session: AnySession) -> None:
    await session.add_items([asked("One?"), said("One.")])

    assert await compacting(session, []).pop_item() == said("One.")
    assert await session.get_items() == [asked("One?")]

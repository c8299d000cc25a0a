"""The examples of docs/usage.md run, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents import Agent
from agents.testing import ModelStep, ScriptedModel
from agents.usage import Usage as AgentsUsage

from sessions import Usage, open_store
from tests.pages import run_page
from tests.runner.dialogue import says

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def test_the_examples_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usage = AgentsUsage(requests=1, input_tokens=100, output_tokens=7)
    model = ScriptedModel([ModelStep(output=[says("Yes.")], usage=usage)])
    async with open_store(f"sqlite:///{tmp_path}/store.db") as store:
        session = store.session("s")
        known = {"agent": Agent(name="a", model=model), "session": session, "store": store}
        await run_page("usage.md", known)

        total = await session.usage.total()
    assert (total.requests, total.input_tokens, total.output_tokens) == (4, 1833, 117)
    assert isinstance(known["total"], Usage)
    assert "and 1387 tokens without a price" in capsys.readouterr().out

"""Two agents share a session: what one has written, the other reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents import Agent, function_tool
from agents.testing import ScriptedModel

from .dialogue import asked, called, calls, inputs, returned, said, says

if TYPE_CHECKING:
    from .conftest import AnySession, OpenSession, Run


@function_tool
def refund(amount: int) -> str:
    """Pay money back."""
    return f"{amount} paid"


HANDED_OVER = [
    asked("My money back!"),
    called("transfer_to_billing", "h1"),
    returned("h1", '{"assistant": "billing"}'),
    called("refund", "c1", amount=5),
    returned("c1", "5 paid"),
    said("Done."),
]


async def test_a_handoff_is_part_of_the_conversation(run: Run, session: AnySession) -> None:
    front = ScriptedModel([[calls("transfer_to_billing", "h1")]])
    back = ScriptedModel([[calls("refund", "c1", amount=5)], [says("Done.")]])
    billing = Agent(name="billing", model=back, tools=[refund])
    triage = Agent(name="triage", model=front, handoffs=[billing])

    result = await run(triage, "My money back!", session=session)

    assert result.last_agent.name == "billing"
    assert await session.get_items() == HANDED_OVER
    assert inputs(back)[0] == HANDED_OVER[:3]


async def test_the_next_run_may_start_with_either_agent(run: Run, open_session: OpenSession) -> None:
    front = ScriptedModel([[calls("transfer_to_billing", "h1")], [says("You were paid 5.")]])
    back = ScriptedModel([[calls("refund", "c1", amount=5)], [says("Done.")], [says("It was 5.")]])
    billing = Agent(name="billing", model=back, tools=[refund])
    triage = Agent(name="triage", model=front, handoffs=[billing])

    await run(triage, "My money back!", session=open_session())
    await run(billing, "How much?", session=open_session())
    await run(triage, "Tell me again.", session=open_session())

    assert inputs(back)[-1] == [*HANDED_OVER, asked("How much?")]
    assert inputs(front)[-1] == [*HANDED_OVER, asked("How much?"), said("It was 5."), asked("Tell me again.")]

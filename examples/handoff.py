"""Three agents, one session: the OpenAI Agents SDK's handoffs, and who said what.

pip install agent-session-store openai-agents
python handoff.py
"""

from __future__ import annotations

import asyncio

from agents import Agent, Runner
from agents.testing import function_call
from offline import scripted

from sessions import AsyncSQLiteSession, text_of
from sessions.adapters.openai_agents import SessionHooks

# Offline, scripts answer. With OPENAI_API_KEY set, the SDK's default model does; so it does without `model=`.
billing = Agent[None](
    name="billing",
    instructions="You refund tickets.",
    model=scripted("Your ticket is refunded: 120 dollars.", "It takes three days.", model="small-model"),
)
seats = Agent[None](
    name="seats",
    instructions="You change seats.",
    model=scripted("You sit in 12A now, at the window.", model="small-model"),
)
front_desk = Agent[None](
    name="front_desk",
    instructions="Find out what the customer wants, and hand over to the right agent.",
    handoffs=[billing, seats],
    model=scripted(
        function_call("transfer_to_billing", {}, call_id="call_1"),
        function_call("transfer_to_seats", {}, call_id="call_2"),
        model="large-model",
    ),
)


async def main() -> None:
    """Let a customer talk to the agents; then show what each of them said and cost."""
    session = AsyncSQLiteSession("customer_7")  # In memory; give a path as the second argument to keep it.
    hooks = SessionHooks(session)  # Notes which agent was active, and what each call of a model cost.

    agent = front_desk
    for question in ("My flight was cancelled. I want my money back.", "When will it arrive?"):
        result = await Runner.run(agent, question, session=session, hooks=hooks)
        agent = result.last_agent  # The customer stays with the agent that has the conversation now.
    await Runner.run(front_desk, "May I sit at the window on my next flight?", session=session, hooks=hooks)

    print("turn  author      what")
    for entry in await session.entries():
        text = text_of(entry.item) or f"({entry.kind} {entry.tool})"
        print(f"{entry.turn:>4}  {entry.author or 'customer':<10}  {text}")

    print("\nagent       model        calls  tokens")
    for row in await session.usage.by("agent", "model"):
        print(f"{row.agent:<10}  {row.model:<11}  {row.requests:>5}  {row.total_tokens:>6}")
    await session.close()


if __name__ == "__main__":
    asyncio.run(main())

"""Code that was written for the OpenAI Agents SDK's AdvancedSQLiteSession: only the import is another one.

pip install agent-session-store openai-agents
python advanced.py                  # a new conversation in memory
python advanced.py chats.db user_1  # one in a file that this program or the SDK has written: it goes on
"""

from __future__ import annotations

import asyncio
import sys

from agents import Agent, Runner, function_tool
from agents.testing import function_call
from offline import scripted

# It was: from agents.extensions.memory import AdvancedSQLiteSession
from sessions import AdvancedSQLiteSession, StoreError


@function_tool
def forecast(city: str) -> str:
    """Say what the weather will be in a city."""
    return f"Sunny in {city}."


# Offline, a script answers. With OPENAI_API_KEY set, the SDK's default model does; so it does without `model=`.
agent = Agent[None](
    name="Weather",
    tools=[forecast],
    model=scripted(
        function_call("forecast", {"city": "Oslo"}, call_id="call_1"),
        "It will be sunny in Oslo.",
        "Take a hat.",
        "Take the train: it is faster.",
    ),
)


async def main(path: str = ":memory:", session_id: str = "user_1") -> None:
    """Talk, go back to the second question on a branch, and compare."""
    session = AdvancedSQLiteSession(session_id=session_id, db_path=path, create_tables=True)
    for question in ("How will the weather be in Oslo?", "What should I take?"):
        result = await Runner.run(agent, question, session=session)
        await session.store_run_usage(result)
        print(f"{question}\n  {result.final_output}")

    turns = await session.get_conversation_turns()
    await session.create_branch_from_turn(turns[-1]["turn"])  # Branches off before this turn, and goes on there.
    result = await Runner.run(agent, "How do I get there?", session=session)
    await session.store_run_usage(result)
    print(f"How do I get there? (on a branch, instead of the question before)\n  {result.final_output}")

    await session.switch_to_branch("main")
    for branch in await session.list_branches():
        print(f"branch {branch['branch_id']}: {branch['user_turns']} turns, {branch['message_count']} items")
    for tool, count, turn in await session.get_tool_usage():
        print(f"tool {tool}: {count} call in turn {turn}")
    usage = await session.get_session_usage()
    print(f"usage: {usage['requests']} calls, {usage['total_tokens']} tokens" if usage else "no usage is known")
    session.close()


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:3]))
    except StoreError as error:
        sys.exit(f"{sys.argv[0]}: {error}")

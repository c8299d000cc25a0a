"""Give a session to the OpenAI Agents SDK's Runner: the agent remembers, and you can undo.

pip install agent-session-store openai-agents
python runner.py                # the conversation is in conversations.db
python runner.py chats.db       # or in another file; run it twice, and it goes on
"""

from __future__ import annotations

import asyncio
import sys

from agents import Agent, Runner
from offline import scripted

from sessions import SQLiteSession, StoreError


async def main(path: str) -> None:
    """Ask two questions, undo the second, and ask another one instead."""
    # Offline, a script answers. With OPENAI_API_KEY set, the SDK's default model does; so it does without `model=`.
    model = scripted("In San Francisco.", "In California.", "It opened in 1937.")
    agent = Agent(name="Guide", instructions="Answer in one sentence.", model=model)
    session = SQLiteSession("user_123", path)

    async def ask(question: str) -> None:
        result = await Runner.run(agent, question, session=session)
        print(f" user  {question}\nguide  {result.final_output}")

    print(f"{len(await session.get_items())} items are in {path}")
    await ask("Where is the Golden Gate Bridge?")
    await ask("In which state?")  # The session has the question before, so the model knows what this is about.

    undone = await session.undo()  # The last turn: the question and the answer to it.
    print(f" undo  {undone[0]['content']}")
    await session.redo()
    print(" redo")
    await session.undo()
    await ask("When did it open?")  # Nothing is lost: the undone turn stays in the tree.

    print()
    print(await session.tree())
    session.close()


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "conversations.db"))
    except StoreError as error:
        sys.exit(f"{sys.argv[0]}: {error}")

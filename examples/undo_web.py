"""A chat in the browser: undo, redo, edit any message, ask for another answer, and step through them ("2 / 3").

pip install agent-session-store openai-agents fastapi uvicorn
python undo_web.py [PORT]       # then open http://127.0.0.1:8000, in several tabs if you like
"""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import uvicorn
from agents import Agent, Runner
from fastapi import Body, FastAPI, HTTPException
from fastapi.responses import FileResponse, StreamingResponse
from offline import answering
from recorded_trees import RecordedTrees

from sessions import SessionsError, open_store, text_of

store = open_store("sqlite:///undo_web.db")
# Offline, recorded answers are given. With OPENAI_API_KEY set, the SDK's default model answers; so without `model=`.
agent = Agent[None](name="Assistant", model=answering(RecordedTrees().next_answer))
app = FastAPI()
Action = Literal["say", "choose", "undo", "redo"]
Int = Annotated[int, Body()]
Text = Annotated[str, Body(max_length=100_000)]


@app.get("/")
async def page() -> FileResponse:
    """Return the page."""
    return FileResponse(Path(__file__).with_name("undo_web.html"))


@app.get("/chat")
async def chat() -> dict[str, Any]:
    """Return the chat as it is now, and the version that a change of it has to name."""
    session, turns = store.session("chat"), []
    if not (version := await session.version()):  # If the chat changes after this, the page's next change is refused.
        async with session.lease():  # Makes the chat.
            version = await session.version()
    siblings = await session.siblings_by_turn()
    for turn in [turn for turn in await session.turns() if turn.number in siblings]:  # The others are newer.
        here = next(sibling for sibling in siblings[turn.number] if sibling.current)
        question, *answer = map(text_of, turn.items)
        turns.append({"question": question, "answer": "\n\n".join(answer), "number": here.number, "count": here.count})
    [branch] = [branch for branch in await session.branches.list() if branch.current]
    return {"version": version, "turns": turns, "redo": branch.redoable > 0}


@app.get("/changes")
async def changes() -> StreamingResponse:
    """Tell the page of each change, as it happens, by server-sent events."""
    events = (f"data: {change.version}\n\n" async for change in store.session("chat").watch())
    return StreamingResponse(events, media_type="text/event-stream")


@app.post("/{action}")
async def change(action: Action, version: Int, turn: Int = 0, number: Int = 1, text: Text = "") -> None:
    """Change the chat, unless it is no longer what the page shows: a double click changes it once."""
    try:
        async with store.session("chat").lease(exclusive=True, on_busy="reject") as session:
            if await session.version() != version:
                raise HTTPException(409, "The chat was changed elsewhere. This is how it is now.")
            if action == "choose":
                await session.choose((await session.siblings(turn))[number - 1])
            elif action == "say":  # With a turn: instead of that turn, which stays as a sibling, with all after it.
                async with session.attempt(turn or None, on_failure="drop") as attempt:
                    await Runner.run(agent, text, session=attempt)
            else:
                await getattr(session, action)()
    except (SessionsError, IndexError) as error:
        raise HTTPException(409, str(error)) from None


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]) if sys.argv[1:] else 8000, timeout_graceful_shutdown=1)
    asyncio.run(store.close())

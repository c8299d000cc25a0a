"""A chat service in the browser: each user's conversations in a sidebar, and each conversation with its tree.

    pip install agent-session-store openai-agents fastapi uvicorn
    python sidebar_web.py [PORT]        # then open http://127.0.0.1:8000/?user=ann, and ?user=bob

Conversations get a title from their first message; they can be renamed, archived and deleted. Any message can be edited
and any answer asked for again; the tree shows every way, and a click goes there. The page is sidebar_web.html.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import uvicorn
from agents import Agent, Runner
from fastapi import Body, Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from offline import answering
from recorded_trees import RecordedTrees

from sessions import LogSession, OwnerError, SessionsError, UnknownEntryError, open_store, text_of
from sessions.adapters.openai_agents import SessionHooks


def title_of(message: dict[str, Any]) -> str:
    """Return a title for the conversation that begins with a message."""
    return " ".join(text_of(message).split())[:60]


store = open_store("sqlite:///sidebar_web.db", title=title_of)
# Offline, recorded answers are given. With OPENAI_API_KEY set, the SDK's default model answers; so without `model=`.
agent = Agent[None](name="Assistant", model=answering(RecordedTrees().next_answer))
app = FastAPI()


def user_of(user: Annotated[str, Query(max_length=100)]) -> str:
    """Return who asks. Your authentication goes here: this example believes everyone."""
    return user


def session_of(chat: str, user: Annotated[str, Depends(user_of)]) -> LogSession:
    """Return a conversation for its owner: whatever is done with it, others get `OwnerError`."""
    return store.session(chat, owner=user)


User = Annotated[str, Depends(user_of)]
Chat = Annotated[LogSession, Depends(session_of)]
Text = Annotated[str, Body(max_length=100_000)]
Place = Annotated[str | None, Body()]


@app.exception_handler(SessionsError)
async def failed(_: Request, error: Exception) -> JSONResponse:
    """Answer with the error's text, which has no content of a conversation in it."""
    return JSONResponse({"detail": str(error)}, 404 if isinstance(error, OwnerError | UnknownEntryError) else 409)


@app.get("/")
async def page() -> FileResponse:
    """Return the page."""
    return FileResponse(Path(__file__).with_name("sidebar_web.html"))


@app.get("/chats")
async def chats(user: User, *, archived: bool = False, after: str | None = None) -> dict[str, Any]:
    """Return a page of the user's conversations, the latest first, and an id for a new one."""
    found = await store.sessions(owner=user, archived=archived, limit=30, after=after)
    listed = [{"id": info.session_id, "title": info.title, "cursor": info.cursor} for info in found]
    return {"chats": listed, "new": uuid4().hex}


@app.get("/chats/{chat}")
async def read(session: Chat) -> dict[str, Any]:
    """Return a conversation: its end, its turns with their alternatives, and its tree."""
    end, ways = await end_of(session), await session.siblings_by_turn()
    turns = []
    for turn in [turn for turn in await session.turns() if turn.number in ways]:  # The others are newer.
        question, *answer = map(text_of, turn.items)
        alternatives = [{"id": way.entry, "current": way.current} for way in ways[turn.number]]
        turns.append({"question": question, "answer": "\n\n".join(filter(None, answer)), "ways": alternatives})
    return {"end": end, "turns": turns, "tree": [asdict(node) for node in (await session.tree()).nodes]}


@app.get("/chats/{chat}/changes")
async def changes(session: Chat) -> StreamingResponse:
    """Tell the page of each change, as it happens, by server-sent events."""
    await session.info()  # Raises `OwnerError` now, and not in the middle of the answer.
    events = (f"data: {change.version}\n\n" async for change in session.watch())
    return StreamingResponse(events, media_type="text/event-stream")


@app.post("/chats/{chat}")
async def say(session: Chat, end: Place, text: Text, turn: Annotated[int | None, Body()] = None) -> None:
    """Ask the agent; with a turn, instead of that turn, which stays as an alternative with all that followed."""
    async with changing(session, end) as leased, leased.attempt(turn, on_failure="drop") as attempt:
        await Runner.run(agent, text, session=attempt, hooks=SessionHooks(attempt))


@app.post("/chats/{chat}/choose")
async def choose(session: Chat, end: Place, way: Annotated[str, Body()]) -> None:
    """Go to another way of the conversation, by the id of an entry on it."""
    async with changing(session, end) as leased:
        await leased.choose(way)


@app.patch("/chats/{chat}")
async def describe(
    session: Chat, title: Annotated[str | None, Body()] = None, archived: Annotated[bool | None, Body()] = None
) -> None:
    """Rename a conversation, or archive it or bring it back."""
    if title:
        await session.set_info(title=title)
    if archived is not None:
        await session.set_info(archived=archived)


@app.delete("/chats/{chat}")
async def delete(session: Chat) -> None:
    """Delete a conversation with all its ways."""
    await session.info()  # Raises `OwnerError` unless it is the user's.
    await store.delete(session.session_id)


async def end_of(session: LogSession) -> str | None:
    """Return the id of the last entry."""
    return next((entry.id for entry in await session.entries(1)), None)


@asynccontextmanager
async def changing(session: LogSession, end: str | None) -> AsyncGenerator[LogSession]:
    """Be the only one who changes the conversation, if it ends where the page shows it: a double click does it once."""
    async with session.lease(exclusive=True, on_busy="reject") as leased:
        if await end_of(leased) != end:
            raise HTTPException(409, "The conversation was changed elsewhere. This is how it is now.")
        yield leased


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]) if sys.argv[1:] else 8000, timeout_graceful_shutdown=1)
    asyncio.run(store.close())

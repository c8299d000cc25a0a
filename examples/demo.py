"""Three agents in three processes, one conversation: who said what, undo, a branch, the tree, the cost, encryption.

    python examples/demo.py                    # replays a recorded conversation, offline
    python examples/demo.py --db chats.db      # keeps the file; each run adds two sessions to it
    OPENAI_API_KEY=... python examples/demo.py # a real model answers

This process starts the other three at once. Each waits until the conversation is handed over to it, answers the
customer, and hands over to the next. Meanwhile, this process watches the session and prints what they say.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sqlite3
import sys
import tempfile
import uuid
from contextlib import aclosing
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from agents import Runner, set_tracing_disabled
from airline import airline
from recording import load_recording
from scripted_model import scripted_model
from transcript import console, heading, show, step

from sessions import EncryptedSession, MissingKeyError, Price, SQLiteSession, StoreError, generate_key, text_of
from sessions.adapters.openai_agents import SessionHooks

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Sequence

    from sessions import LogSession

# A customer complains about a delayed flight, is compensated, and then misremembers his booking.
TASK = 45
# Which of the customer's messages each agent answers, and what it tells the next agent.
JOBS = {
    "triage": (1, "The customer is found; a flight was late."),
    "billing": (2, "Compensated."),
    "bookings": (3, "All is answered."),
}
IN_OTHER_WORDS, ANOTHER_QUESTION = 4, 5
# Dollars per million tokens, made up, as no model is asked.
PRICES = {"recorded": Price(input=2, output=8)}


class Dialogue:
    """The customer's messages, and the agents that answer them."""

    def __init__(self, model: str | None) -> None:
        # The SDK sends traces to its vendor unless told not to.
        set_tracing_disabled(disabled=True)
        recording = load_recording(TASK)
        agents = airline(recording, model if "OPENAI_API_KEY" in os.environ else scripted_model(recording))
        self._agents = {agent.name: agent for agent in agents}
        self._messages = [turn.question for turn in recording.turns]

    async def ask(self, name: str, message: int, session: LogSession) -> None:
        """Run an agent on a message. The session is all that it knows of the conversation so far."""
        # The hooks note who says what, and what each call of the model costs.
        await Runner.run(self._agents[name], self._messages[message], session=session, hooks=SessionHooks(session))


async def be_agent(name: str, path: Path, session_id: str, model: str | None) -> None:
    """Be one of the three processes: wait for the conversation, answer the customer, and hand over."""
    dialogue = Dialogue(model)
    message, note = JOBS[name]
    session = SQLiteSession(session_id, path)
    async with aclosing(session.watch(after=0)) as changes:
        async for change in changes:
            if change.kind == "handed_over" and change.items[0]["to"] == name:
                break
    # While it holds the lease, nobody else can change the conversation.
    async with session.lease(holder=name, exclusive=True) as leased:
        await dialogue.ask(name, message, leased)
        to = next((other for one, other in pairwise(JOBS) if one == name), "customer")
        await leased.as_author(name).handover(to, note=note)
    session.close()


async def print_what_is_said(session: SQLiteSession) -> None:
    """Print what the customer and the agents say when it arrives, until the conversation is the customer's again."""
    position = 0
    async with aclosing(session.watch(after=0)) as changes:
        async for _ in changes:
            for entry in await session.entries(after=position):
                if entry.item.get("to") == "customer":
                    return
                if entry.author != "demo":
                    show(entry)
                position = entry.position


async def converse(session: SQLiteSession, options: Sequence[str]) -> int:
    """Start the three processes, give the conversation to the first, and print it; return an exit code."""
    processes: list[Process] = [
        await asyncio.create_subprocess_exec(sys.executable, __file__, "--agent", name, *options) for name in JOBS
    ]
    heading("Three processes: " + ", ".join(f"{n} {p.pid}" for n, p in zip(JOBS, processes, strict=True)))
    await session.as_author("demo").handover("triage", note="A customer writes.")
    printing = asyncio.create_task(print_what_is_said(session))
    ends = [asyncio.create_task(process.wait()) for process in processes]
    # An agent waits for the one before it: if one fails, the others wait in vain.
    while not printing.done() and not any(end.done() and end.result() for end in ends):
        await asyncio.wait([printing, *(end for end in ends if not end.done())], return_when=asyncio.FIRST_COMPLETED)
    failed = next((end.result() for end in ends if end.done() and end.result()), 0)
    if failed:
        printing.cancel()
        for process, end in zip(processes, ends, strict=True):
            if not end.done():
                process.terminate()
    await asyncio.wait([printing, *ends])
    return failed


async def change_history(session: SQLiteSession, model: str | None) -> None:
    """Undo, redo, try a turn again, and branch; then show the tree of all that was said."""
    dialogue = Dialogue(model)
    heading("Undo, redo, another try, a branch, and the tree of all that")
    undone = await session.undo()
    await session.redo()
    step("undo(), redo()", f"take the last turn back and restore it: {text_of(undone[0])}")
    async with session.attempt(turn=3) as attempt:
        await dialogue.ask("bookings", IN_OTHER_WORDS, attempt)
    step("attempt(turn=3)", "asks in other words; the first try stays in the tree")
    await session.branches.create("what-else", turn=3)
    await dialogue.ask("bookings", ANOTHER_QUESTION, session.on_branch("what-else"))
    step("branches.create()", "asks something else instead, on a branch of its own")
    console.print(await session.tree())


async def show_costs(session: SQLiteSession) -> None:
    """Print what the agents' calls of the model took."""
    prices = ", at made-up prices" if "OPENAI_API_KEY" not in os.environ else ""
    heading(f"What each agent cost{prices}; the conversation encrypted")
    for row in await session.usage.by("agent", prices=PRICES):
        cost = "no price" if row.cost is None else f"${row.cost:.4f}"
        tokens = f"{row.input_tokens:,} tokens in, {row.output_tokens:,} tokens out"
        step(row.agent or "nobody", f"{row.requests} model calls, {tokens}: {cost}")


async def show_encryption(session: SQLiteSession, path: Path) -> None:
    """Store the conversation once more, encrypted, and open it with the key and without."""
    plain = SQLiteSession(f"{session.session_id}-encrypted", path)
    encrypted = EncryptedSession(plain.session_id, plain, generate_key(), ttl=None)
    await encrypted.add_items(await session.get_items())
    items = await encrypted.get_items()
    step("EncryptedSession", f"with the key, {len(items)} items, from: {text_of(items[0])}")
    try:
        await SQLiteSession(plain.session_id, path).get_items()
    except MissingKeyError as error:
        step("without the key", f"{type(error).__name__}: {error}")


async def run(path: Path, model: str | None) -> int:
    """Show everything; return an exit code."""
    live = "OPENAI_API_KEY" in os.environ
    replies = f"Replies: {model or 'a real model'}." if live else "Recorded replies, no network."
    console.print(f"A customer talks to three agents of an airline. {replies}")
    session = SQLiteSession(f"noah-{uuid.uuid4().hex[:6]}", path)
    await session.version()  # If something is wrong with the file, it shows before the agents start.
    options = ["--db", str(path), "--session", session.session_id, *(["--model", model] if model else [])]
    if failed := await converse(session, options):
        return failed
    await change_history(session, model)
    await show_costs(session)
    await show_encryption(session, path)
    session.close()
    console.print(f"file      {path}", soft_wrap=True)
    versions = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    console.print(f"versions  {version_of('agent-session-store')}, {versions}", soft_wrap=True)
    return 0


def version_of(distribution: str) -> str:
    """Return the distribution's name and version."""
    try:
        return f"{distribution} {version(distribution)}"
    except PackageNotFoundError:
        return f"{distribution} (from source)"


def main() -> int:
    """Be the demo, or one of its agents; return an exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", type=Path, metavar="PATH", help="the SQLite file (default: a new temporary file)")
    parser.add_argument("--model", metavar="NAME", help="which real model; needs OPENAI_API_KEY")
    parser.add_argument("--agent", choices=JOBS, help=argparse.SUPPRESS)
    parser.add_argument("--session", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.model and "OPENAI_API_KEY" not in os.environ:
        parser.error("--model needs OPENAI_API_KEY: without it the replies are the recorded ones")
    try:
        if args.agent:
            asyncio.run(be_agent(args.agent, args.db, args.session, args.model))
            return 0
        path = args.db or Path(tempfile.mkdtemp(prefix="sessions-demo-")) / "conversations.db"
        return asyncio.run(run(path.resolve(), args.model))
    except StoreError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

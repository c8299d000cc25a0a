"""Three agents in three processes, one conversation: it is in the file, and goes from one to the next.

    python examples/demo.py                    # replays a recorded conversation, offline
    python examples/demo.py --db chats.db      # keeps the file; each run adds a session to it
    OPENAI_API_KEY=... python examples/demo.py # a real model answers

This process starts the three others at once. Each watches the session until the conversation is handed over to it,
answers what the customer asks then, and hands over to the next. In the end, this one looks at what they shared.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
import uuid
from contextlib import aclosing
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from agents import Agent, Runner, set_tracing_disabled
from airline import airline
from recording import load_recording
from rich.table import Table
from scripted_model import scripted_model
from transcript import console, heading, note, say, show, show_removed

from sessions import SQLiteSession, open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

# A customer complains about a delayed flight, is compensated, and then misremembers his booking.
TASK = 45


async def ask(agent: Agent[None], session: SQLiteSession, question: str) -> None:
    """Run the agents on one question. The session is all they know of the conversation so far."""
    say("user", question)
    result = await Runner.run(agent, question, session=session)
    show(result.new_items)


async def triage(agent: Agent[None], session: SQLiteSession, questions: Sequence[str]) -> str:
    """What the first agent does: it finds out who the customer is. Returns what the next one should know."""
    for question in questions[:2]:
        await ask(agent, session, question)
    return "The customer is found; it is about a delayed flight."


async def billing(agent: Agent[None], session: SQLiteSession, questions: Sequence[str]) -> str:
    """What the second one does: it pays a compensation."""
    note(f"{len(await session.get_items())} items of the conversation are in the file")
    await ask(agent, session, questions[2])
    return "Compensated."


async def bookings(agent: Agent[None], session: SQLiteSession, questions: Sequence[str]) -> str:
    """What the third one does: it answers from what the first one heard, and takes an answer back."""
    await ask(agent, session, questions[3])

    note("pop_item takes the last exchange back, and it is asked again in other words")
    while (item := await session.pop_item()) is not None:
        show_removed(item)
        if item.get("role") == "user":
            break
    await ask(agent, session, questions[4])
    return "All is answered."


JOBS = {"triage": triage, "billing": billing, "bookings": bookings}


async def wait_for_handover(session: SQLiteSession, name: str) -> None:
    """Return when the conversation has been handed over to somebody, even if that was before this was called."""
    async with aclosing(session.watch(after=0)) as changes:
        async for change in changes:
            if change.kind == "handed_over" and any(item["to"] == name for item in change.items):
                return


async def be_agent(name: str, path: Path, session_id: str, model: str | None) -> None:
    """Be one of the three processes."""
    # The SDK sends traces to its vendor unless told not to.
    set_tracing_disabled(disabled=True)
    recording = load_recording(TASK)
    agents = airline(recording, model if "OPENAI_API_KEY" in os.environ else scripted_model(recording))
    [agent] = [agent for agent in agents if agent.name == name]
    questions = [turn.question for turn in recording.turns]
    session = SQLiteSession(session_id, path).as_author(name)

    await wait_for_handover(session, name)
    heading(f"{name}, pid {os.getpid()}")
    # Nobody else writes into the conversation meanwhile; what is added is this agent's.
    async with session.lease(holder=name, exclusive=True) as leased:
        comment = await JOBS[name](agent, leased, questions)
        to = next((other for one, other in pairwise(JOBS) if one == name), "customer")
        note(f"{name} hands over to {to}: {comment}")
        await leased.handover(to, note=comment)
    session.close()


async def show_session(path: Path, session_id: str) -> None:
    """Print what stands in the conversation that no model was shown: who said what, and who handed over to whom."""
    heading("Who said what")
    session = SQLiteSession(session_id, path)
    table = Table("", "turn", "author", "what", box=None)
    for entry in await session.entries():
        what = f"to {entry.item['to']}: {entry.item['note']}" if entry.kind == "handover" else entry.tool or ""
        author = "user" if entry.kind == "user" else entry.author
        table.add_row(str(entry.position), str(entry.turn), author, f"{entry.kind.replace('_', ' ')} {what}")
    console.print(table)
    session.close()


async def show_store(path: Path) -> None:
    """Print what the file holds now, for a process that took no part in the conversation."""
    heading("What is in the file")
    table = Table("session", "items", "begun (UTC)", "last changed", box=None)
    async with open_store(f"sqlite:///{path}") as store:
        for record in await store.sessions():
            times = (f"{time:%Y-%m-%d %H:%M:%S}" for time in (record.created_at, record.updated_at))
            table.add_row(record.session_id, str(record.item_count), *times)
    console.print(table)


def version_of(distribution: str) -> str:
    """The distribution's name and version."""
    try:
        return f"{distribution} {version(distribution)}"
    except PackageNotFoundError:
        return f"{distribution} (from source)"


def run_agents(path: Path, session_id: str, options: Sequence[str]) -> int:
    """Start the three processes, give the conversation to the first, and wait; returns an exit code."""
    processes = [
        subprocess.Popen([sys.executable, __file__, "--agent", name, *options])  # noqa: S603 -- this very file, no shell.
        for name in JOBS
    ]
    pids = ", ".join(f"{name} (pid {process.pid})" for name, process in zip(JOBS, processes, strict=True))
    console.print(f"Three processes watch it: {pids}.")
    session = SQLiteSession(session_id, path).as_author("demo")
    asyncio.run(session.handover("triage", note="A customer writes."))
    session.close()
    # Each waits for the one before it, so if one fails, the others wait in vain.
    failed = next((process.returncode for process in processes if process.wait()), 0)
    for process in processes:
        process.terminate()
        process.wait()
    return failed


def main() -> int:
    """Start the processes and show what they left behind; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", type=Path, metavar="PATH", help="the SQLite file (default: a new temporary file)")
    parser.add_argument("--model", metavar="NAME", help="which real model; needs OPENAI_API_KEY")
    parser.add_argument("--agent", choices=JOBS, help=argparse.SUPPRESS)
    parser.add_argument("--session", help=argparse.SUPPRESS)
    args = parser.parse_args()
    live = "OPENAI_API_KEY" in os.environ
    if args.model and not live:
        parser.error("--model needs OPENAI_API_KEY: without it the replies are the recorded ones")
    if args.agent:
        asyncio.run(be_agent(args.agent, args.db, args.session, args.model))
        return 0

    db = args.db or Path(tempfile.mkdtemp(prefix="sessions-demo-")) / "conversations.db"
    path = db.resolve()
    session_id = f"noah_muller_9847-{uuid.uuid4().hex[:6]}"
    console.print("A customer talks to three agents of an airline. All share one session.")
    console.print(
        f"Replies: {(args.model or 'a real model') if live else 'recorded ones, nothing leaves this machine'}."
    )
    options = ["--db", str(path), "--session", session_id, *(["--model", args.model] if args.model else [])]
    failed = run_agents(path, session_id, options)
    if failed:
        return failed

    asyncio.run(show_session(path, session_id))
    asyncio.run(show_store(path))
    console.print()
    console.print(f"file      {path}", soft_wrap=True)
    console.print(f"versions  {version_of('agent-session-store')}, {version_of('openai-agents')}")
    console.print(f"          SQLite {sqlite3.sqlite_version}, Python {platform.python_version()}")
    console.print("\nNext: run it twice with --db chats.db, or with OPENAI_API_KEY set.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

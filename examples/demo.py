"""Two agents, one conversation, two processes: the conversation is in the file, not in a process.

    python examples/demo.py                    # replays a recorded conversation, offline
    python examples/demo.py --db chats.db      # keeps the file; each run adds a session to it
    OPENAI_API_KEY=... python examples/demo.py # a real model answers

This process only starts the two others, one after the other, and then looks at the file they shared.
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
from importlib.metadata import PackageNotFoundError, version
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


async def begin(agent: Agent[None], session: SQLiteSession, questions: Sequence[str]) -> None:
    """What the first process does: the customer is identified and compensated."""
    for question in questions[:3]:
        await ask(agent, session, question)


async def go_on(agent: Agent[None], session: SQLiteSession, questions: Sequence[str]) -> None:
    """What the second process does: it answers from what the first one heard, then takes an answer back."""
    note(f"{len(await session.get_items())} items of the conversation are in the file")
    await ask(agent, session, questions[3])

    note("pop_item takes the last exchange back, and it is asked again in other words")
    while (item := await session.pop_item()) is not None:
        show_removed(item)
        if item.get("role") == "user":
            break
    await ask(agent, session, questions[4])


async def run_step(step: str, path: Path, session_id: str, model: str | None) -> None:
    """Be one of the two processes."""
    # The SDK sends traces to its vendor unless told not to.
    set_tracing_disabled(disabled=True)
    recording = load_recording(TASK)
    agent = airline(recording, model if "OPENAI_API_KEY" in os.environ else scripted_model(recording))
    questions = [turn.question for turn in recording.turns]
    session = SQLiteSession(session_id, path)
    heading(f"{'First' if step == 'begin' else 'Second'} process, pid {os.getpid()}")
    await {"begin": begin, "go-on": go_on}[step](agent, session, questions)
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


def main() -> int:
    """Start the two processes and show what they left behind; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", type=Path, metavar="PATH", help="the SQLite file (default: a new temporary file)")
    parser.add_argument("--model", metavar="NAME", help="which real model; needs OPENAI_API_KEY")
    parser.add_argument("--step", choices=["begin", "go-on"], help=argparse.SUPPRESS)
    parser.add_argument("--session", help=argparse.SUPPRESS)
    args = parser.parse_args()
    live = "OPENAI_API_KEY" in os.environ
    if args.model and not live:
        parser.error("--model needs OPENAI_API_KEY: without it the replies are the recorded ones")
    if args.step:
        asyncio.run(run_step(args.step, args.db, args.session, args.model))
        return 0

    db = args.db or Path(tempfile.mkdtemp(prefix="sessions-demo-")) / "conversations.db"
    path = db.resolve()
    session_id = f"noah_muller_9847-{uuid.uuid4().hex[:6]}"
    console.print("A customer talks to two agents of an airline. Both share one session.")
    console.print(
        f"Replies: {(args.model or 'a real model') if live else 'recorded ones, nothing leaves this machine'}."
    )
    for step in ("begin", "go-on"):
        command = [sys.executable, __file__, "--step", step, "--db", str(path), "--session", session_id]
        command += ["--model", args.model] if args.model else []
        process = subprocess.run(command, check=False)  # noqa: S603 -- this very file, no shell.
        if process.returncode:
            return process.returncode

    asyncio.run(show_store(path))
    console.print()
    console.print(f"file      {path}", soft_wrap=True)
    console.print(f"versions  {version_of('agent-sessions')}, {version_of('openai-agents')}")
    console.print(f"          SQLite {sqlite3.sqlite_version}, Python {platform.python_version()}")
    console.print("\nNext: run it twice with --db chats.db, or with OPENAI_API_KEY set.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

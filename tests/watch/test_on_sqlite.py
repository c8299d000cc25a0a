"""Watching a SQLite file while other processes write to it, die, and fork; and a database in memory."""

from __future__ import annotations

import asyncio
import os
import warnings
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from sessions import SessionClosedError, SQLiteSession
from sessions.testing.watching import shown, take
from tests.faults.conftest import path, start

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.conftest import Start

__all__ = ["path", "start"]

_WRITES = """
    async def write(name):
        session = SQLiteSession("conversation", path)
        for number in range(200):
            await session.add_items([{"role": "user", "content": f"{name}.{number}"}])
            say(number)

    asyncio.run(write(sys.argv[2]))
"""

_WATCHES = """
    async def watch(after):
        session = SQLiteSession("conversation", path)
        async for change in session.watch(after=int(after)):
            for item in change.items:
                say(f"{change.version} {item['content']}")  # In one piece, whenever it is killed.

    asyncio.run(watch(sys.argv[2]))
"""


async def _contents(path: Path) -> list[str]:
    return [item["content"] for item in await SQLiteSession("conversation", path).get_items()]


async def test_writers_in_other_processes_one_of_which_is_killed(path: Path, start: Start) -> None:
    """What is seen is what is stored, in that order."""
    session = SQLiteSession("conversation", path)
    async with aclosing(session.watch(after=0)) as watch:
        killed, other = start(_WRITES, path, "killed"), start(_WRITES, path, "other")
        seen = [text for _, text in shown(await take(watch, 50))]
        killed.kill()
        await asyncio.to_thread(other.finish)
        await session.add_items([{"role": "user", "content": "end"}])
        while seen[-1] != "end":
            seen += [text for _, text in shown(await take(watch, 1))]
    assert seen == await _contents(path)
    assert len(seen) > 200


def test_a_watcher_is_killed_and_the_next_one_goes_on_where_it_was(path: Path, start: Start) -> None:
    """Each version is said by one of them, and by one alone."""
    writer = start(_WRITES, path, "w")
    seen: list[list[str]] = []
    for enough in (20, 80, 200):
        watcher = start(_WATCHES, path, seen[-1][0] if seen else 0)
        while len(seen) < enough:
            line = watcher.hear()
            assert line, watcher.errors()
            seen.append(line.split())
        # What it said until it was killed was seen, too.
        seen += [line.split() for line in watcher.kill()]
    writer.finish()
    assert [content for _, content in seen] == [f"w.{number}" for number in range(200)]


async def test_a_process_that_watches_forks(path: Path, start: Start) -> None:
    """Its connections are closed and opened again, and count anew."""
    session = SQLiteSession("conversation", path)
    async with aclosing(session.watch(after=0)) as watch:
        for turn in range(3):
            program = start(_WRITES.replace("200", "1"), path, f"before {turn}")
            await asyncio.to_thread(program.finish)
            assert shown(await take(watch, 1)) == [("appended", f"before {turn}.0")]
            waiting = asyncio.create_task(take(watch, 1))
            await asyncio.sleep(0.2)
            with warnings.catch_warnings():
                # Python 3.12 warns whenever a process with threads forks.
                warnings.simplefilter("ignore", DeprecationWarning)
                child = os.fork()
            if not child:
                os._exit(0)
            os.waitpid(child, 0)
            program = start(_WRITES.replace("200", "1"), path, f"after {turn}")
            await asyncio.to_thread(program.finish)
            assert shown(await waiting) == [("appended", f"after {turn}.0")]


@pytest.mark.parametrize("where", ["file", ":memory:"])
async def test_who_waits_on_a_session_that_is_closed_is_told(path: Path, where: str) -> None:
    """Fails without: db/sqlite/backend.py, `waker.wake()`."""
    session = SQLiteSession("conversation", path if where == "file" else where)
    await session.add_items([{"role": "user", "content": "1"}])
    watch = session.watch(after=0)
    await take(watch, 1)
    waiting = asyncio.create_task(take(watch, 1))
    await asyncio.sleep(0.2)
    await asyncio.to_thread(session.close)
    with pytest.raises(SessionClosedError):
        await waiting


@pytest.mark.parametrize("where", ["file", ":memory:"])
async def test_who_waits_reads_nothing_while_nothing_changes(
    path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In memory, reading goes the same way as writing, and woke the reader again.

    Fails without: db/sqlite/database.py, `if changes`.
    """
    session = SQLiteSession("conversation", path if where == "file" else where)
    await session.add_items([{"role": "user", "content": "1"}])
    reads: list[Any] = []
    read = session._handle.read

    async def counted(work: Any) -> Any:
        reads.append(work)
        return await read(work)

    async with aclosing(session.watch(after=0)) as watch:
        await take(watch, 1)
        waiting = asyncio.create_task(take(watch, 1))
        await asyncio.sleep(0.3)
        monkeypatch.setattr(type(session._handle), "read", lambda _, work: counted(work))
        await asyncio.sleep(0.5)
        # It may have begun late; then it went on a thousand times a second.
        assert len(reads) < 10
        await session.add_items([{"role": "user", "content": "2"}])
        assert shown(await waiting) == [("appended", "2")]


def test_from_one_event_loop_after_the_other(path: Path) -> None:
    session = SQLiteSession("conversation", path)

    async def look(number: int) -> None:
        async with aclosing(session.watch(after=number)) as watch:
            waiting = asyncio.create_task(take(watch, 1))
            await asyncio.sleep(0.1)
            await session.add_items([{"role": "user", "content": str(number)}])
            assert shown(await waiting) == [("appended", str(number))]

    for number in range(3):
        asyncio.run(look(number))

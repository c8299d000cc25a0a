"""A conversation is taken over once, however many touch it first."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from .sdk import ITEMS, NEW, alike, execute, sdk_session, taken_over, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sessions import SQLiteSession

    Ours = Callable[..., SQLiteSession]

TOUCH = """
import asyncio, sys
from sessions import SQLiteSession

async def main():
    print("ready", flush=True)
    sys.stdin.readline()
    session = SQLiteSession("u", sys.argv[1])
    await session.add_items([{"role": "user", "content": sys.argv[2]}])
    print(len(await session.get_items()), flush=True)

asyncio.run(main())
"""


# Fails without: log/core/changing.py, `lock_session(tx, conversation.session_id) is not None`, and
# log/adopt/messages.py, `if not locked.is_new:`: either is enough within a process
@pytest.mark.parametrize("objects", [1, 8])
async def test_tasks_take_over_once(path: Path, ours: Ours, objects: int) -> None:
    await write(path)
    sessions = [ours() for _ in range(objects)]

    await asyncio.gather(
        *(sessions[index % objects].get_items(limit=1) for index in range(20)),
        *(sessions[index % objects].add_items([{"n": index}]) for index in range(20)),
    )

    items = await ours().get_items()
    assert alike(items[: len(ITEMS)]) == alike(ITEMS)
    assert sorted(item["n"] for item in items[len(ITEMS) :]) == list(range(20))
    assert taken_over(path) == len(ITEMS) + 20


async def test_processes_take_over_once(path: Path, ours: Ours) -> None:
    await write(path)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TOUCH, str(path), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    counts = [int(process.communicate()[0]) for process in processes]

    assert all(len(ITEMS) < count <= len(ITEMS) + 3 for count in counts)
    items = await ours().get_items()
    assert alike(items[: len(ITEMS)]) == alike(ITEMS)
    assert sorted(item["content"] for item in items[len(ITEMS) :]) == ["0", "1", "2"]
    assert taken_over(path) == len(ITEMS) + 3


@pytest.mark.parametrize("kind", ["SQLiteSession", "AsyncSQLiteSession", "SQLAlchemySession"])
async def test_the_sdk_may_have_the_file_open(path: Path, ours: Ours, kind: str) -> None:
    async with sdk_session(kind, path) as theirs:
        await theirs.add_items(ITEMS)
        assert alike(await theirs.get_items()) == alike(ITEMS)

        assert alike(await ours().get_items()) == alike(ITEMS)
        await asyncio.gather(*(session.add_items(NEW) for session in (theirs, ours()) for _ in range(5)))

        assert alike(await theirs.get_items()) == alike(await ours().get_items()) == alike(ITEMS + NEW * 5)


async def test_messages_that_come_while_we_look_are_not_lost(path: Path, ours: Ours) -> None:
    """Looking at an empty conversation does not settle that it is empty."""
    async with sdk_session("SQLiteSession", path) as theirs:
        assert await ours().get_items() == []
        await theirs.add_items(NEW)

        assert await ours().get_items() == NEW
        assert json.loads(execute(path, "select payload from agent_log_entries")[0][0]) == NEW[0]

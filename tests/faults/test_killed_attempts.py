"""A process is killed before any statement of an attempt, and another one finds one of the ways that may be left."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sessions import SQLiteSession

from .test_killed_history import unreachable

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Start

_TRIES = """
def item(text):
    return {"role": "user" if text.startswith("u") else "assistant", "content": text}

async def attempt(life, statements, turn):
    session = SQLiteSession(f"life {life}", path)
    await session.add_items([item(text) for text in ("u1", "a1", "u2", "a2")])
    die_before(statements)
    async with session.attempt(turn or None, on_failure="drop") as tried:
        say("begun")
        await tried.add_items([item("u9")])
        say("added")
        await tried.add_items([item("a9")])
        say("whole")
    say("done")

asyncio.run(attempt(*map(int, sys.argv[2:])))
"""


@pytest.mark.parametrize("turn", [0, 2])
def test_kill_9_leaves_the_old_way_and_what_was_added_beside_it(path: Path, start: Start, turn: int) -> None:
    """Fails without: log/history/attempt.py, `BEGIN_ATTEMPT` as a tip (as a branch, it would be listed)."""
    heard: list[str] = []
    life = 0
    while "done" not in heard:
        program = start(_TRIES, path, life, life, turn)
        heard = [word.strip() for word in iter(program.hear, "")]
        program.kill()
        asyncio.run(_check(path, life, heard, turn))
        life += 1
    assert life > 8


async def _check(path: Path, life: int, heard: list[str], turn: int) -> None:
    session = SQLiteSession(f"life {life}", path)
    read = " ".join(item["content"] for item in await session.get_items())
    old, new = "u1 a1 u2 a2", "u1 a1 u9 a9" if turn else "u1 a1 u2 a2 u9 a9"
    assert read in {old, new}
    if "done" in heard:
        assert read == new
    if "whole" not in heard:
        assert read == old
    assert [branch.name for branch in await session.branches.list()] == ["main"]
    if turn and "added" in heard:
        assert len(await session.siblings(2)) == 2
    assert unreachable(path, f"life {life}") == set()
    await session.add_items([{"role": "user", "content": "next"}])
    async with session.attempt(2) as tried:
        await tried.add_items([{"role": "user", "content": "again"}])
    assert [item["content"] for item in await session.get_items()] == ["u1", "a1", "again"]
    assert len(await session.siblings(2)) == 2 + (bool(turn) and "added" in heard)
    assert unreachable(path, f"life {life}") == set()

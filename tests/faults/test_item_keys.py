"""Several processes add the same items with keys at once; some are killed, and others add all again."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from typing import TYPE_CHECKING

from sessions import SQLiteSession

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Start

_ADDS_ALL_AND_SAYS_SO = """
    async def add(limit):
        session = SQLiteSession("conversation", path)
        for first in range(0, limit, 3):
            numbers = range(first, min(first + 5, limit))  # Neighbouring appends have two keys in common.
            await session.add_items([{"n": n} for n in numbers], keys=[f"key {n}" for n in numbers])
            say(first)

    asyncio.run(add(int(sys.argv[2])))
"""


def test_each_key_is_there_once_after_kill_9(path: Path, start: Start) -> None:
    """Fails without: log/append.py, `entries = new_entries(`; log/core/extend.py, `store_keys(`."""
    for lines in (5, 40):
        programs = [start(_ADDS_ALL_AND_SAYS_SO, path, 100_000) for _ in range(3)]
        for program in programs:
            assert "" not in [program.hear() for _ in range(lines)], program.errors()
        heard = [int(line) for program in programs for line in program.kill() if line]
        _check(path, max([*heard, 3 * (lines - 1)]) + 5)
    for program in [start(_ADDS_ALL_AND_SAYS_SO, path, 300) for _ in range(3)]:
        program.finish()
    _check(path, 300)


def _check(path: Path, least: int) -> None:
    """See that no key is there twice, all up to a number are there, and each entry has its key."""

    async def read() -> None:
        session = SQLiteSession("conversation", path)
        entries = await session.entries()
        assert [entry.key for entry in entries] == [f"key {entry.item['n']}" for entry in entries]  # type: ignore[typeddict-item]
        numbers = [int(str(entry.key).removeprefix("key ")) for entry in entries]
        assert numbers == list(range(len(numbers)))
        assert len(numbers) >= least

    asyncio.run(read())
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
        rows = connection.execute("select count(*), count(distinct entry) from agent_log_item_keys").fetchone()
        assert rows == connection.execute("select count(*), count(*) from agent_log_entries").fetchone()

"""A process is killed in the middle of its appends."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from typing import TYPE_CHECKING

from sessions import SQLiteSession

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Start

_APPENDS_AND_SAYS_SO = """
    async def append(session, life, limit, task):
        for number in range(task, limit, 8):
            size = number % 3 + 1
            await session.add_items([{"n": f"{life}.{number}", "part": part, "of": size} for part in range(size)])
            say(f"{life}.{number}")

    async def append_all(life, limit):
        session = SQLiteSession("conversation", path)
        await asyncio.gather(*(append(session, life, int(limit), task) for task in range(8)))

    asyncio.run(append_all(*sys.argv[2:]))
"""


def test_what_was_acknowledged_is_there_after_kill_9(path: Path, start: Start) -> None:
    """One process after the other is killed in the middle of many appends; the last one may finish its thousand.

    Fails without: db/sqlite/database.py, `write_group` before `self._report(jobs)` in `_do_writes` (acknowledged
    before it is done); log/core/extend.py, `tx.many(entry_statements.ADD_ENTRY, ...)`.
    """
    acknowledged: set[str] = set()
    for life, lines in enumerate([7, 100, 500]):
        program = start(_APPENDS_AND_SAYS_SO, path, life, 1_000_000)
        heard = [program.hear() for _ in range(lines)]
        assert "" not in heard, program.errors()
        acknowledged.update(heard, program.kill())
        _check(path, acknowledged)

    acknowledged.update(start(_APPENDS_AND_SAYS_SO, path, "last", 1000).finish())
    _check(path, acknowledged)
    assert {f"last.{number}" for number in range(1000)} <= acknowledged


def _check(path: Path, acknowledged: set[str]) -> None:
    """See that what was acknowledged is there, batches are whole, and the file is."""
    found = asyncio.run(SQLiteSession("conversation", path).get_items())
    sizes = {item["n"]: item["of"] for item in found}
    assert acknowledged <= sizes.keys()
    assert found == [{"n": n, "part": part, "of": size} for n, size in sizes.items() for part in range(size)]
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]

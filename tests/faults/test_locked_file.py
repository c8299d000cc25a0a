"""Another process, which knows nothing of us, holds the file locked."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from sessions import SQLiteSession, StoreBusyError

from .programs import HANGS_AFTER

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

    from .conftest import Start
    from .programs import Program

# Its arguments after the path: the journal mode, the locking mode, and how it begins.
_HOLDS_THE_FILE = """
    import sqlite3
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"pragma journal_mode = {sys.argv[2]}").fetchall()
    connection.execute(f"pragma locking_mode = {sys.argv[3]}").fetchall()
    connection.execute("create table if not exists theirs (x)")
    connection.execute(f"begin {sys.argv[4]}")
    connection.execute("insert into theirs values (1)")
    say("locked")
    heard()
    connection.execute("commit")
    connection.close()
"""

_ways_to_lock = pytest.mark.parametrize("way", [("wal", "normal", "exclusive"), ("wal", "exclusive", "immediate")])


@_ways_to_lock
async def test_a_locked_file_is_busy_and_loses_nothing(path: Path, start: Start, way: tuple[str, ...]) -> None:
    """Fails without: db/sqlite/errors.py, the line of `SQLITE_BUSY`."""
    # The first object says how long to wait: the file stays open for a moment after it is closed.
    session = SQLiteSession("conversation", path, busy_timeout=0.2)
    await session.add_items([{"n": "before"}])
    session.close()
    session = SQLiteSession("conversation", path, busy_timeout=0.2)
    holder = start(_HOLDS_THE_FILE, path, *way)
    holder.expect("locked")

    for _ in range(2):
        await _is_busy(session.add_items([{"n": "refused"}]), path)
        await _is_busy(session.pop_item(), path)
        await _is_busy(session.clear_session(), path)

    holder.say()
    holder.finish()
    await session.add_items([{"n": "after"}])
    assert await session.get_items() == [{"n": "before"}, {"n": "after"}]


@_ways_to_lock
async def test_a_lock_that_goes_away_is_waited_for(path: Path, start: Start, way: tuple[str, ...]) -> None:
    """Fails without: db/sqlite/opening.py, `timeout=self.busy_timeout` in `writer` (as 0)."""
    session = SQLiteSession("conversation", path)
    await session.add_items([{"n": "before"}])
    session.close()
    holder = start(_HOLDS_THE_FILE, path, *way)
    holder.expect("locked")

    await _waits(SQLiteSession("conversation", path, busy_timeout=HANGS_AFTER).add_items([{"n": "after"}]), holder)

    assert await SQLiteSession("conversation", path).get_items() == [{"n": "before"}, {"n": "after"}]


async def test_a_file_that_is_locked_when_it_is_first_opened(path: Path, start: Start) -> None:
    """It is in rollback journal mode, as other programs make files; the change to WAL needs it alone for a moment.

    Fails without: db/sqlite/errors.py, the line of `SQLITE_BUSY`.
    """
    holder = start(_HOLDS_THE_FILE, path, "delete", "normal", "exclusive")
    holder.expect("locked")
    session = SQLiteSession("conversation", path, busy_timeout=0.2)

    await _is_busy(session.get_items(), path)
    await _is_busy(session.add_items([{"n": "refused"}]), path)

    holder.say()
    holder.finish()
    await session.add_items([{"n": "after"}])
    assert await session.get_items() == [{"n": "after"}]
    assert _theirs(path) == [(1,)]


@pytest.mark.parametrize("begin", ["exclusive", "immediate"])
async def test_the_first_opening_waits_for_a_lock_that_goes_away(path: Path, start: Start, begin: str) -> None:
    """SQLite itself does not wait where it is to change a file to WAL, but fails.

    Fails without: db/sqlite/opening.py, `code != sqlite3.SQLITE_BUSY or` in `_use_wal` (as `True or`).
    """
    holder = start(_HOLDS_THE_FILE, path, "delete", "normal", begin)
    holder.expect("locked")
    session = SQLiteSession("conversation", path, busy_timeout=HANGS_AFTER)

    await _waits(asyncio.gather(session.add_items([{"n": 1}]), session.get_items()), holder)

    assert await session.get_items() == [{"n": 1}]
    assert _theirs(path) == [(1,)]


async def test_readers_do_not_wait_for_writers(path: Path, start: Start) -> None:
    """Neither for another process, nor for an append of ours that waits for it.

    Fails without: db/sqlite/database.py, the `Lane` of `self._reading` (as `self._writer`).
    """
    session = SQLiteSession("conversation", path, busy_timeout=HANGS_AFTER)
    await session.add_items([{"n": "before"}])
    holder = start(_HOLDS_THE_FILE, path, "wal", "normal", "immediate")
    holder.expect("locked")
    appending = asyncio.ensure_future(session.add_items([{"n": "after"}]))
    await asyncio.sleep(0)

    reading = asyncio.ensure_future(session.get_items())
    await asyncio.wait([reading], timeout=HANGS_AFTER / 2)
    answered = reading.done()
    holder.say()

    assert answered
    assert await reading == [{"n": "before"}]
    await appending
    assert await session.get_items() == [{"n": "before"}, {"n": "after"}]


async def _is_busy(operation: Awaitable[object], path: Path) -> None:
    with pytest.raises(StoreBusyError, match=f"session 'conversation': {re.escape(str(path))} .*Nothing was changed"):
        await operation


async def _waits(operation: Awaitable[object], holder: Program) -> None:
    """Give the operation time to fail, then see it done when the lock goes away."""
    waiting = asyncio.ensure_future(operation)
    await asyncio.wait([waiting], timeout=0.3)
    holder.say()
    holder.finish()
    await waiting


def _theirs(path: Path) -> list[tuple[int]]:
    with closing(sqlite3.connect(path)) as connection, connection:
        rows = connection.execute("select x from theirs").fetchall()
    connection.close()
    return rows

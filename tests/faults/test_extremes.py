"""Very much at once."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import TYPE_CHECKING

from sessions import SQLiteSession

from .programs import HANGS_AFTER

if TYPE_CHECKING:
    from pathlib import Path


async def test_an_item_of_fifty_megabytes(path: Path) -> None:
    """Between two small ones, so that neither its size nor what is in it moves anything else.

    Fails without: log/read.py, `items.reverse()`; db/sqlite/opening.py, SQLite's own limit of 1 GB (as 10 MB).
    """
    session = SQLiteSession("conversation", path)
    huge = {"n": "huge", "text": "x\0ü" * 12_500_000}
    await session.add_items([{"n": 1}])
    await session.add_items([huge])
    await session.add_items([{"n": 2}])

    assert await SQLiteSession("conversation", path).get_items() == [{"n": 1}, huge, {"n": 2}]
    assert await session.get_items(1) == [{"n": 2}]
    assert await session.pop_item() == {"n": 2}
    assert await session.pop_item() == huge
    assert await session.get_items() == [{"n": 1}]
    session.close()


async def test_a_thousand_sessions_share_two_threads(path: Path) -> None:
    """Fails without: db/sqlite/registry.py, `database = _files.get(path)` under the lock in `open_file`."""
    before = set(threading.enumerate())
    sessions = [SQLiteSession(f"conversation {number}", path) for number in range(1000)]

    await asyncio.gather(*(session.add_items([{"n": n}]) for n, session in enumerate(sessions)))
    found = await asyncio.gather(*(session.get_items() for session in sessions))

    assert found == [[{"n": n}] for n in range(1000)]
    # Whoever waits for its turn to write has a thread for that; in this process alone nobody does.
    assert len({thread for thread in threading.enumerate() if thread.name != "sessions-closing"} - before) == 2
    for session in sessions:
        await session.aclose()
    left = {thread for thread in set(threading.enumerate()) - before if not thread.name.startswith("asyncio_")}
    assert not left


async def test_sessions_in_memory_end_with_their_last_holder() -> None:
    """Fails without: db/sqlite/connection_thread.py, the list around `call` in `post` (as a plain reference)."""
    before = set(threading.enumerate())
    for number in range(50):
        session = SQLiteSession("conversation")
        await session.add_items([{"n": number}])
        assert await session.get_items() == [{"n": number}]
    del session

    deadline = time.monotonic() + HANGS_AFTER
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        gc.collect()
        await asyncio.sleep(0.01)
    assert set(threading.enumerate()) <= before

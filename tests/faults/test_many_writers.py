"""Four processes of sixteen tasks append at once; then every item is looked at."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from sessions import SQLiteSession
from tests.sql.processes import run_together

from .programs import HANGS_AFTER

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier
    from pathlib import Path

_PROCESSES, _TASKS, _BATCHES = 4, 16, 20


@pytest.mark.parametrize("session_count", [1, 12], ids=["one session", "many sessions"])
@pytest.mark.parametrize("with_turns", [True, False], ids=["taking turns", "without turns"])
def test_nothing_is_lost_doubled_or_reordered(path: Path, session_count: int, with_turns: bool) -> None:  # noqa: FBT001
    """Without the lock file, SQLite's own lock alone must do; then an append sees what others committed just before.

    Fails without: db/sqlite/group_commit.py, `begin immediate` in `_write_together` and `_write_alone` ("begin" gives
    "database is locked" without turns); log/statements/extend.py, `set tip = tip + :count` in ADVANCE_TIP (a count
    of 1).
    """
    if not with_turns:
        (path.parent / f"{path.name}-lock").mkdir()

    run_together(_PROCESSES, _append, path, session_count)

    expected: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for process in range(_PROCESSES):
        for task in range(_TASKS):
            for number in range(_BATCHES):
                name = _session_name(task, number, session_count)
                expected[name][f"{process}.{task}"] += _batch(f"{process}.{task}", number)
    assert len(expected) == session_count
    for name, writers in expected.items():
        _check(asyncio.run(SQLiteSession(name, path).get_items()), writers)


def _check(found: list[Any], writers: dict[str, list[Any]]) -> None:
    by_writer: dict[str, list[Any]] = defaultdict(list)
    for item in found:
        by_writer[item["writer"]].append(item)
    assert by_writer == writers
    for item, following in pairwise([*found, {"part": 0}]):
        if following["part"] == 0:
            assert item["part"] == item["of"] - 1
        else:
            assert following == {**item, "part": item["part"] + 1}


def _session_name(task: int, number: int, session_count: int) -> str:
    """Tasks with the same number share sessions with their namesakes in other processes, and move on at each batch."""
    return f"conversation {(task + number) % session_count}"


def _batch(writer: str, number: int) -> list[dict[str, object]]:
    size = number % 3 + 1
    return [{"writer": writer, "number": number, "part": part, "of": size} for part in range(size)]


def _append(process: int, barrier: Barrier, path: Path, session_count: int) -> None:
    async def write(task: int) -> None:
        writer = f"{process}.{task}"
        for number in range(_BATCHES):
            name = _session_name(task, number, session_count)
            session = SQLiteSession(name, path, busy_timeout=HANGS_AFTER)
            # With a key the append reads before it writes.
            key = f"{writer}.{number}" if number % 2 else None
            await session.add_items(_batch(writer, number), idempotency_key=key)

    async def write_all() -> None:
        await asyncio.gather(*map(write, range(_TASKS)))

    barrier.wait()
    asyncio.run(write_all())

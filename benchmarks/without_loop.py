"""What a call costs without an event loop: `python -m benchmarks.without_loop [--quick]`.

One thread appends two recorded items at a time to a SQLite file, and reads the last twenty. The sides take turns: the
limit, `sessions.blocking`, one event loop that runs each call, and `asyncio.run` for each call; then SQLite through
SQLAlchemy, in one event loop and by `sessions.blocking`, whose calls wait for the portal. All sync each commit.
"""

import asyncio
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.data import default_data, load_items
from benchmarks.limit import LimitSession
from sessions import SQLAlchemySession, SQLiteSession, blocking
from sessions.waits.blocking import without_loop

if TYPE_CHECKING:
    from collections.abc import Callable

_AT_ONCE = 50


def main(rounds: int) -> None:
    """Measure and print a table: microseconds, and times the limit."""
    items = load_items(default_data())
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        place = Path(folder)
        runner = stack.enter_context(asyncio.Runner())
        limit = LimitSession("a", place / "limit.db")
        door = blocking.SQLiteSession("a", place / "door.db")
        loop, each = SQLiteSession("a", place / "loop.db"), SQLiteSession("a", place / "each.db")
        url = f"sqlite+aiosqlite:///{place}/sqlalchemy.db"
        through = SQLAlchemySession.from_url("a", url=url, create_tables=True)
        portal = blocking.SQLAlchemySession.from_url("a", url=url)
        # The limit's coroutines never wait.
        sides: dict[str, tuple[Callable[[Any], Any], Callable[[], Any]]] = {
            "limit": (lambda some: without_loop(limit.add_items(some)), lambda: without_loop(limit.get_items(20))),
            "sessions.blocking": (door.add_items, lambda: door.get_items(20)),
            "one event loop": (lambda some: runner.run(loop.add_items(some)), lambda: runner.run(loop.get_items(20))),
            "asyncio.run": (lambda some: asyncio.run(each.add_items(some)), lambda: asyncio.run(each.get_items(20))),
            "SQLAlchemy, loop": (
                lambda some: runner.run(through.add_items(some)),
                lambda: runner.run(through.get_items(20)),
            ),
            "SQLAlchemy, portal": (portal.add_items, lambda: portal.get_items(20)),
        }
        taken: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in sides}
        for number in range(rounds):
            some = [items[(2 * number + part) % len(items)] for part in range(2)]
            for name, (append, read) in sides.items():
                operations: tuple[Callable[[], Any], ...] = (partial(append, some), read)
                for times, operation in zip(taken[name], operations, strict=True):
                    operation()
                    began = time.perf_counter()
                    for _ in range(_AT_ONCE):
                        operation()
                    times.append((time.perf_counter() - began) / _AT_ONCE * 1e6)
        runner.run(through.aclose())
        for closed in (door, portal, loop, each):
            closed.close()
    least = [median(times) for times in taken["limit"]]
    print(f"{'':22}{'append 2':>12}{'':>7}{'read last 20':>16}")
    for name, both in taken.items():
        appending, reading = (median(times) for times in both)
        print(f"{name:22}{appending:9.0f} µs{appending / least[0]:6.2f}x{reading:12.0f} µs{reading / least[1]:6.2f}x")


if __name__ == "__main__":
    main(5 if "--quick" in sys.argv else 40)

"""One function in several new processes at the same time."""

from __future__ import annotations

import multiprocessing
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.process import BaseProcess
    from multiprocessing.synchronize import Barrier

CONTEXT = multiprocessing.get_context("forkserver")
"""Starts processes that have imported what most tests use: twenty that import it themselves take half a minute.

Its server is one for all tests of a worker, so no other module may have it import something else.
"""
CONTEXT.set_forkserver_preload(
    [
        "pytest",
        "sessions.testing.session",
        "sessions.log.fast.postgres",
        "sessions.store.store",
        "sessions.session.sharing",
        "sessions.sqlalchemy",
        "aiomysql",
        "asyncpg",
        "psycopg",
    ]
)

HANGS_AFTER = 120.0
"""Seconds after which a process is taken to hang. Nothing passes or fails by being fast."""


def run_together(count: int, work: Callable[..., None], *arguments: object) -> None:
    """Call ``work(number, barrier, *arguments)`` in `count` new processes, and wait until all have ended well.

    Args:
        count: How many.
        work: A function of a module. It calls ``barrier.wait()`` to begin when all others do.
        *arguments: What it is given.
    """
    with running_together(count, work, *arguments) as processes:
        for process in processes:
            process.join(HANGS_AFTER)
    assert [process.exitcode for process in processes] == [0] * count


@contextmanager
def running_together(count: int, work: Callable[..., None], *arguments: object) -> Iterator[list[BaseProcess]]:
    """The same, while the block goes on; processes that have not ended by then are killed."""
    barrier: Barrier = CONTEXT.Barrier(count)
    processes: list[BaseProcess] = [
        CONTEXT.Process(target=work, args=(number, barrier, *arguments)) for number in range(count)
    ]
    for process in processes:
        process.start()
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.join()

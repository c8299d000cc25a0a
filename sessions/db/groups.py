"""Work that waits, done in groups by a few workers of the event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from sessions.db.jobs import Jobs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessions.db.jobs import Job
    from sessions.db.transaction import Transaction

T = TypeVar("T")


class Groups:
    """Does jobs in groups: a free worker takes all waiting jobs.

    Args:
        do: Does a group. It gives each job its result or its error; one that it raises goes to all without.
        workers: How many groups may be under way at once.
    """

    def __init__(self, do: Callable[[list[Job[Any]]], Awaitable[None]], workers: int) -> None:
        self._do = do
        self._most = workers
        self._jobs = Jobs(self._start_worker)
        self._workers: set[asyncio.Task[None]] = set()
        self._working = 0

    async def submit(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Return the result of `work`; see `Jobs.submit`."""
        return await self._jobs.submit(work, subject)

    def _start_worker(self) -> None:
        """Have the waiting jobs done: by a worker that runs already, if as many as may do."""
        self._jobs.begin()
        if self._working < self._most:
            self._working += 1
            worker = asyncio.get_running_loop().create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def _work(self) -> None:
        try:
            while jobs := self._jobs.take():
                try:
                    await self._do(jobs)
                except BaseException as error:  # noqa: BLE001 - it belongs to the waiting caller
                    for job in jobs:
                        job.error = job.error or error
                # Also if this task was cancelled, as all are when a loop ends: others wait, and no other worker would
                # come.
                for job in jobs:
                    job.settle()
        finally:
            self._working -= 1

"""A lane: jobs from any event loop or thread, done in groups on one thread.

The first job to wait has the thread called; the call takes all jobs that wait by then. When a group is done, each
event loop that has jobs in it is woken once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sessions.db.jobs import Jobs

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

    from sessions.db.jobs import Job
    from sessions.db.transaction import Transaction

T = TypeVar("T")


class Lane:
    """The jobs that wait for one thread.

    Args:
        post: Has a function called on the thread.
        do: Does a group of jobs, keeps each one's result or error in it and settles them. Called on the thread; must
            not raise.
    """

    def __init__(self, post: Callable[[Callable[[], object]], None], do: Callable[[list[Job[Any]]], None]) -> None:
        self._do = do
        self._jobs = Jobs(lambda: post(self._work))

    @property
    def is_idle(self) -> bool:
        """Whether no caller waits for a job's outcome."""
        return self._jobs.is_idle

    @property
    def is_empty(self) -> bool:
        """Whether no job waits to be begun."""
        return self._jobs.is_empty

    async def submit(self, work: Callable[[Transaction], T], subject: str, *, full: bool = False) -> T:
        """Return the result of `work`; see `Jobs.submit`."""
        return await self._jobs.submit(work, subject, full=full)

    def close(self) -> None:
        """Do the waiting jobs and take no more. Called on the thread."""
        self._jobs.close()
        self._work()

    def _work(self) -> None:
        """Do all that waits, in groups. Runs on the thread."""
        self._jobs.begin()
        while group := self._jobs.take():
            self._do(group)


def settle_all(jobs: Iterable[Job[Any]]) -> None:
    """Give jobs that are done their results: wake each event loop once, and each thread that is blocked."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Job[Any]]] = {}
    for job in jobs:
        if job.loop is None:
            job.settle()
        else:
            by_loop.setdefault(job.loop, []).append(job)
    for loop, group in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, group)
        except RuntimeError:
            # The loop has been closed; no caller waits there any more.
            continue


def _settle(jobs: list[Job[Any]]) -> None:
    for job in jobs:
        job.settle()

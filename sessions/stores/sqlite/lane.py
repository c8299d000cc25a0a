"""A lane: jobs from any event loop, done in groups on one thread.

The first job to wait has the thread called; the call takes all jobs that wait by then. When a group is done, each
event loop that has jobs in it is woken once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sessions.log.transaction import Transaction

T = TypeVar("T")

MAX_GROUP = 256
"""Jobs done in one transaction at most, so that none waits long for its neighbours."""


class LaneClosedError(Exception):
    """The lane's thread has ended; the job was not begun."""


class Job(Generic[T]):
    """One function over a transaction, and where its result goes.

    `full` asks for a commit that survives the loss of power.
    """

    __slots__ = ("error", "full", "future", "loop", "result", "settled", "subject", "waiter", "work")

    def __init__(self, work: Callable[[Transaction], T], subject: str, *, full: bool) -> None:
        self.work = work
        self.subject = subject
        self.full = full
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self.loop.create_future()
        self.result: T | None = None
        self.error: BaseException | None = None
        self.settled = False
        self.waiter: asyncio.Future[None] | None = None

    def run(self, transaction: Transaction) -> None:
        """Do the work and keep its result; a job that is run again forgets its first result."""
        self.error = None
        self.result = self.work(transaction)

    def settle(self) -> None:
        """Give the result to whoever waits. Runs on the job's own loop."""
        self.settled = True
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(cast("T", self.result))

    async def wait_until_settled(self) -> None:
        """Wait for the outcome, whatever cancels the caller meanwhile."""
        while not self.settled:
            self.waiter = self.loop.create_future()
            try:
                await self.waiter
            except asyncio.CancelledError:
                continue


class Lane:
    """The jobs that wait for one thread.

    Args:
        post: Has a function called on the thread.
        do: Does a group of jobs, keeps each one's result or error in it and settles them. Called on the thread; must
            not raise.
    """

    def __init__(self, post: Callable[[Callable[[], object]], None], do: Callable[[list[Job[Any]]], None]) -> None:
        self._post = post
        self._do = do
        self._waiting: deque[Job[Any]] = deque()
        self._called = False
        self._closed = False

    async def submit(self, work: Callable[[Transaction], T], subject: str, *, full: bool = False) -> T:
        """Return the result of `work`.

        If the caller is cancelled, work that has not begun is withdrawn; else the cancellation is passed on when the
        outcome is settled.

        Raises:
            LaneClosedError: The work was not begun.
        """
        job = Job(work, subject, full=full)
        self._waiting.append(job)
        # A call that has not begun will find this job; one that has begun has taken the mark back.
        if not self._called:
            self._called = True
            try:
                self._post(self._work)
            except BaseException:  # An interrupt from the keyboard: the next job calls again.
                self._called = False
                raise
        if self._closed and self._withdraw(job):
            raise LaneClosedError
        try:
            return await job.future
        except asyncio.CancelledError:
            if not self._withdraw(job):
                await job.wait_until_settled()
            raise

    def close(self) -> None:
        """Do what waits and take no more. Called on the thread."""
        self._closed = True
        self._work()

    def _withdraw(self, job: Job[Any]) -> bool:
        """Take back a job; tell whether it had not begun."""
        try:
            self._waiting.remove(job)
        except ValueError:
            return False
        return True

    def _work(self) -> None:
        """Do all that waits, in groups. Runs on the thread."""
        self._called = False
        while self._waiting:
            group: list[Job[Any]] = []
            # A job can be withdrawn between the check and the taking.
            while self._waiting and len(group) < MAX_GROUP:
                try:
                    group.append(self._waiting.popleft())
                except IndexError:
                    break
            if group:
                self._do(group)


def settle_all(jobs: Iterable[Job[Any]]) -> None:
    """Give jobs that are done their results: wake each event loop once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Job[Any]]] = {}
    for job in jobs:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, group in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, group)
        except RuntimeError:
            # The loop was closed meanwhile; nobody waits there any more.
            continue


def _settle(jobs: list[Job[Any]]) -> None:
    for job in jobs:
        job.settle()

"""Jobs that wait to be done in groups, and the effects of cancelling their callers."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from sessions.db.command import command_of
from sessions.db.uncancelled import wait_out
from sessions.waits.blocking import blocked, hush

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.db.transaction import Transaction

T = TypeVar("T")

MAX_GROUP = 256
"""Jobs done in one transaction at most, so that none waits long for its neighbours."""

MAX_GROUP_BYTES = 8 * 1024 * 1024
"""Bytes of items in one group at most, unless one job alone has more: several large ones would be late together."""


class ClosedError(Exception):
    """The queue takes no jobs any more; the job was not begun."""


class Job(Generic[T]):
    """One function over a transaction, and where its result goes.

    `full` asks for a commit that survives the loss of power. The work is done in the context of its caller.

    Attributes:
        loop: The event loop of its caller, on which it is settled; ``None`` if its caller blocks a thread.
        interrupted_by: The exceptions that may interrupt the waiting caller.
    """

    interrupted_by: type[BaseException]

    __slots__ = ("context", "error", "full", "loop", "result", "settled", "subject", "work")

    def __init__(self, work: Callable[[Transaction], T], subject: str, *, full: bool) -> None:
        self.work = work
        self.context = copy_context()
        self.subject = subject
        self.full = full
        self.loop: asyncio.AbstractEventLoop | None = None
        self.result: T | None = None
        self.error: BaseException | None = None
        self.settled = False

    def run(self, transaction: Transaction) -> None:
        """Do the work and keep its result; a job that is run again forgets its first result."""
        self.error = None
        self.result = self.context.run(self.work, transaction)

    def settle(self) -> None:
        """Wake the caller with the job's outcome."""
        raise NotImplementedError

    async def wait(self) -> None:
        """Wait for the outcome, unless the caller is cancelled or interrupted."""
        raise NotImplementedError

    async def wait_until_settled(self) -> None:
        """Wait for the outcome, even if the caller is cancelled or interrupted again."""
        raise NotImplementedError

    def give(self) -> T:
        """Return the result, or raise the error, and let go of it.

        The event loop holds the future for as long as the caller that it woke runs on, and the worker may still hold
        the job. A result in either would outlive the caller's use of it, and be taken apart while the next job waits.
        """
        result, self.result = self.result, None
        error, self.error = self.error, None
        if error is None:
            return cast("T", result)
        try:
            raise error
        finally:
            del error  # It holds this frame.


class _LoopJob(Job[T]):
    """A job whose caller waits in an event loop, on which it is settled."""

    __slots__ = ("_future", "_waiter")

    interrupted_by = asyncio.CancelledError
    loop: asyncio.AbstractEventLoop

    def __init__(self, work: Callable[[Transaction], T], subject: str, *, full: bool) -> None:
        super().__init__(work, subject, full=full)
        self.loop = asyncio.get_running_loop()
        self._future: asyncio.Future[None] = self.loop.create_future()
        self._waiter: asyncio.Future[None] | None = None

    def settle(self) -> None:
        self.settled = True
        # Not with the error: a future takes no StopIteration, and then the caller would never wake.
        for future in (self._future, self._waiter):
            if future is not None and not future.done():
                future.set_result(None)

    async def wait(self) -> None:
        await self._future

    async def wait_until_settled(self) -> None:
        await wait_out(lambda: self.settled, self._new_waiter)

    def _new_waiter(self) -> asyncio.Future[None]:
        self._waiter = self.loop.create_future()
        return self._waiter


class _LockJob(Job[T]):
    """A job whose caller blocks its thread. It is settled by the worker, so no event loop can keep it waiting."""

    __slots__ = ("_lock",)

    interrupted_by = BaseException  # Exceptions of signal handlers, such as the keyboard's.

    def __init__(self, work: Callable[[Transaction], T], subject: str, *, full: bool) -> None:
        super().__init__(work, subject, full=full)
        self._lock = threading.Lock()
        self._lock.acquire()

    def settle(self) -> None:
        self.settled = True
        self._lock.release()

    async def wait(self) -> None:
        self._lock.acquire()

    async def wait_until_settled(self) -> None:
        while not self.settled:
            with suppress(self.interrupted_by):
                self._lock.acquire()


class Jobs:
    """The jobs that wait for one worker.

    Args:
        call: Has the worker take jobs until none waits. Called when the first job begins to wait.
    """

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._waiting: deque[Job[Any]] = deque()
        self._under_way: set[Job[Any]] = set()
        self._called = False
        self._closed = False

    @property
    def is_idle(self) -> bool:
        """Whether no caller waits for a job's outcome."""
        return not self._under_way

    @property
    def is_empty(self) -> bool:
        """Whether no job waits to be begun."""
        return not self._waiting

    async def submit(self, work: Callable[[Transaction], T], subject: str, *, full: bool = False) -> T:
        """Return the result of `work`.

        If the caller is cancelled, or interrupted by a signal where it blocks a thread, work that has not begun
        is withdrawn; else that is passed on when the outcome is settled.

        Raises:
            ClosedError: The work was not begun.
        """
        job: Job[T] = (_LoopJob if blocked() is None else _LockJob)(work, subject, full=full)
        self._under_way.add(job)
        try:
            return await self._outcome(job)
        finally:
            self._under_way.discard(job)

    async def _outcome(self, job: Job[T]) -> T:
        self._waiting.append(job)
        # A worker that was called and has not begun will find this job; one that has begun has cleared the mark.
        is_refused = False
        try:
            if not self._called:
                self._called = True
                try:
                    self._call()
                except BaseException:  # An interrupt from the keyboard: the next job calls again.
                    self._called = False
                    raise
            is_refused = self._closed and self._withdraw(job)
            if not is_refused:
                await job.wait()
        except job.interrupted_by:
            hush()
            if not is_refused and not self._withdraw(job):
                await job.wait_until_settled()
            raise
        if is_refused:
            raise ClosedError
        return job.give()

    def begin(self) -> None:
        """Clear the mark that the worker was called: from now on, a new job calls it again."""
        self._called = False

    def take(self) -> list[Job[Any]]:
        """Return the jobs that wait, up to `MAX_GROUP` and `MAX_GROUP_BYTES`."""
        group: list[Job[Any]] = []
        size = 0
        while self._waiting and len(group) < MAX_GROUP:
            try:
                job = self._waiting.popleft()
            except IndexError:  # It was withdrawn between the check and the taking.
                break
            # A single job goes at any size, so its size is not checked.
            if group or self._waiting:
                size += command_of(job.work).size
                if group and size > MAX_GROUP_BYTES:
                    self._waiting.appendleft(job)
                    break
            group.append(job)
        return group

    def close(self) -> None:
        """Take no more jobs. Those that wait are still to be done."""
        self._closed = True

    def _withdraw(self, job: Job[Any]) -> bool:
        """Withdraw a job; tell whether it had not begun."""
        try:
            self._waiting.remove(job)
        except ValueError:
            return False
        return True

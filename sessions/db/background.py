"""Tasks and wake-ups that go on in the background, also for callers that block their thread: on another event loop."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from sessions.errors import OutcomeUnknownError, SyncCallInLoopError
from sessions.waits.blocking import blocked
from sessions.waits.ending import is_finalizing

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from sessions.db import Backend, SyncBackend, Waker


class Background(Protocol):
    """An operation that goes on in the background."""

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        ...

    def cancel(self) -> None:
        """Have it end. Called from any thread."""
        ...

    async def ended(self) -> None:
        """Wait for its end. On an event loop that it does not run on, this returns at once."""
        ...


def begin(backend: Backend, operation: Callable[[], Coroutine[Any, Any, None]], name: str) -> Background:
    """Begin an operation: on the running event loop or, if this thread is blocked, on one where `backend` is used.

    Raises:
        SyncCallInLoopError: That event loop is the one which this call blocks.
    """
    if blocked() is None:
        return _Here(asyncio.get_running_loop().create_task(operation(), name=name))
    # All our databases are also for callers without an event loop.
    sync = cast("SyncBackend", backend)

    async def create() -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(operation(), name=name)

    return _Elsewhere(sync, sync.wait(create, name), name)


class _Here:
    """A task of the event loop on which it was begun."""

    def __init__(self, task: asyncio.Task[None]) -> None:
        self.task: Final = task

    @property
    def is_over(self) -> bool:
        return self.task.done()

    def cancel(self) -> None:
        loop = self.task.get_loop()
        if asyncio._get_running_loop() is loop:  # noqa: SLF001 - asyncio exports it
            self.task.cancel()
            return
        # It runs in another thread's loop; if that loop has ended, so has the task.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self.task.cancel)

    async def ended(self) -> None:
        if asyncio._get_running_loop() is self.task.get_loop():  # noqa: SLF001 - as above
            await asyncio.wait([self.task])


class _Elsewhere(_Here):
    """A task that was begun by a caller without an event loop."""

    def __init__(self, backend: SyncBackend, task: asyncio.Task[None], name: str) -> None:
        super().__init__(task)
        self._backend = backend
        self._name = name
        self._process = os.getpid()

    async def ended(self) -> None:
        if blocked() is None:
            await super().ended()
        elif not self.task.done() and self._process == os.getpid() and not is_finalizing():
            # If its event loop ends just now, so does the task.
            with suppress(SyncCallInLoopError, OutcomeUnknownError):
                self._backend.wait(partial(asyncio.wait, [self.task]), self._name)


class BlockingWaker:
    """A `Waker` for a watcher that blocks its thread; it waits on an event loop of another thread.

    A forked child makes its own, as that thread is not there.

    Args:
        backend: The database.
        make: Returns the waker, on the event loop.
        subject: Whom an error is about.
    """

    def __init__(self, backend: SyncBackend, make: Callable[[], Waker], subject: str) -> None:
        self._backend = backend
        self._make = make
        self._subject = subject
        self._begin()

    def _begin(self) -> None:
        async def made() -> tuple[asyncio.AbstractEventLoop, Waker]:
            return asyncio.get_running_loop(), self._make()

        self._loop, self._waker = self._backend.wait(made, self._subject)
        self._process = os.getpid()

    async def wait(self) -> None:
        """Return when something may have changed."""
        if self._process == os.getpid():
            await self._do(self._waker.wait)
        else:
            self._begin()

    def wake(self) -> None:
        """Have `wait` return."""
        self._waker.wake()

    async def aclose(self) -> None:
        """Release the source of wake-ups."""
        if self._process == os.getpid() and not self._loop.is_closed() and not is_finalizing():
            # If its event loop ends just now, so does the waker.
            with suppress(SyncCallInLoopError, OutcomeUnknownError):
                await self._do(self._waker.aclose)

    async def _do(self, operation: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if blocked() is None:
            await operation()
        else:
            self._backend.wait(operation, self._subject)

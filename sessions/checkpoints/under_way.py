"""Puts under way: the writes of tasks wait for the put of their checkpoint, to be stored as differences from it.

A put counts from its call on, and only in its own process. LangGraph submits the put of a checkpoint before the writes
at it, but a run's puts wait for each other: such writes then wait for the put before, and after it for the next one.
Nothing waits for a put that has not begun, but for a moment. Writes that did not wait are stored whole.
"""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, Self

from sessions.waits.blocking import blocked, hush, pause

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.checkpoints.remembered import Remembered, State
    from sessions.checkpoints.runs import Run
    from sessions.checkpoints.values import Place

WAIT_AT_MOST: Final = 5.0
"""Seconds for which one put is waited for: if it needs the waiting thread, both go on then."""

_MOMENTS: Final = (0.0, 0.0, 0.0, 0.001, 0.002, 0.005, 0.01)
"""Pauses in seconds in which a run's next put may begin: it was submitted before, but its thread may not run yet."""


class Putting:
    """A put from its call to its end, as a context.

    Attributes:
        checkpoint_id: The checkpoint.
        state: The checkpoint, to be set once it is stored.
        process: The process in which it runs: a forked child has no thread that ends it.
    """

    def __init__(self, checkpoint_id: str, end: Callable[[Putting], None]) -> None:
        self.checkpoint_id = checkpoint_id
        self.state: State | None = None
        self.process = os.getpid()
        self._end = end
        self._wakes: list[Callable[[], object]] = []
        self._has_ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._has_ended:
            return
        self._end(self)
        # Before they are woken: a waiter adds itself, and looks then.
        self._has_ended = True
        for wake in self._wakes:
            wake()

    async def ended(self) -> bool:
        """Wait for its end, for a bounded time; tell whether it has ended."""
        if blocked() is None:
            await self._ended_on_loop()
        else:
            over = threading.Event()
            self._wakes.append(over.set)
            try:
                if not self._has_ended:
                    over.wait(WAIT_AT_MOST)
            except BaseException:
                hush()
                raise
        return self._has_ended

    async def _ended_on_loop(self) -> None:
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        self._wakes.append(partial(_wake, loop, over))
        if not self._has_ended:
            with suppress(TimeoutError):
                async with asyncio.timeout(WAIT_AT_MOST):
                    await over


class PutsUnderWay:
    """The puts that one holder of a database has begun. Its methods may be called from any thread.

    Each change is one step of a dictionary, so there is no lock that a fork could leave locked.

    Args:
        remembered: What the holder remembers of lines.
    """

    def __init__(self, remembered: Remembered) -> None:
        self._remembered = remembered
        self._puts: dict[tuple[str, str, str], Putting] = {}

    def begin(self, place: Place, checkpoint_id: str, run: Run | None) -> Putting:
        """Return a put that has been called."""
        key = place.thread_id, place.ns, checkpoint_id

        def end(put: Putting) -> None:
            if self._puts.get(key) is put:
                self._puts.pop(key, None)
            if run is not None:
                run.ended(place, put)

        put = self._puts[key] = Putting(checkpoint_id, end)
        if run is not None:
            run.began(place, put)
        return put

    async def state(self, place: Place, checkpoint_id: str, run: Run | None) -> State | None:
        """Return a checkpoint if it is remembered, after its put if that is under way.

        Args:
            place: Where.
            checkpoint_id: The checkpoint.
            run: The run that writes at it, and so has called its put, or will do so after a put that is under way.
        """
        call = blocked()
        stands_still = call is not None and bool(call.loops)
        moments = iter(() if run is None or stands_still else _MOMENTS)
        while True:
            # In this order: a put that ends in between is remembered.
            put = self._of(place, checkpoint_id, run)
            last = self._remembered.get(place)
            known = None if last is None else last.at(checkpoint_id)
            if known is not None:
                return known
            if self._remembered.seen(place, checkpoint_id) is not None:
                return None
            if put is None:
                seconds = next(moments, None)
                if seconds is None:
                    return None
                await pause(seconds)
            elif stands_still or not await put.ended():
                # An event loop that stands still until this returns may be that of the put.
                return None
            elif put.checkpoint_id == checkpoint_id:
                # Another checkpoint may be the last one already.
                return put.state
            else:
                moments = iter(_MOMENTS)

    def _of(self, place: Place, checkpoint_id: str, run: Run | None) -> Putting | None:
        put = self._puts.get((place.thread_id, place.ns, checkpoint_id))
        if put is None and run is not None:
            put = run.putting(place)
        return None if put is None or put.process != os.getpid() else put


def _wake(loop: asyncio.AbstractEventLoop, over: asyncio.Future[None]) -> None:
    with suppress(RuntimeError):  # The loop has ended, and the waiter with it.
        loop.call_soon_threadsafe(_settle, over)


def _settle(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)

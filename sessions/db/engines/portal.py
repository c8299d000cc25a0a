"""Operations on databases behind SQLAlchemy for callers without an event loop: all share one loop on one thread.

It is started by the first such operation of a process. A forked child starts its own, and the loop ends with the
program, after its engines.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from sessions.db.sqlalchemy import shared_engine

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")

_ENDS_WITHIN = 5.0
"""Seconds that the end of the program waits for open connections to be closed."""


class _Call(Generic[T]):
    """One operation: begun and settled on the loop's thread, waited for on the caller's."""

    def __init__(self, operation: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._operation = operation
        self._task: asyncio.Task[None] | None = None
        self.settled = threading.Event()
        self.result: T | None = None
        self.error: BaseException | None = None

    def begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())
        # A task that is cancelled before its first step does not enter its coroutine.
        self._task.add_done_callback(lambda _: self.settled.set())

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            self.result = await self._operation()
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller
            self.error = error


class _Portal:
    """A running event loop on a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sessions-portal", daemon=True)
        self._thread.start()

    @property
    def is_here(self) -> bool:
        """Whether this is the loop's thread, which nothing may block."""
        return threading.current_thread() is self._thread

    def wait(self, operation: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return the result of an operation; an interrupted caller is told when the outcome is settled."""
        call = _Call(operation)
        interruption: BaseException | None = None
        # The work is done in the caller's context: a codec may ask for its tenant.
        self._loop.call_soon_threadsafe(call.begin, context=copy_context())
        while not call.settled.is_set():
            try:
                call.settled.wait()
            except BaseException as error:  # noqa: BLE001 - the keyboard's, or another signal's
                interruption = error
                self._loop.call_soon_threadsafe(call.cancel)
        if interruption is not None:
            raise interruption
        if call.error is not None:
            raise call.error
        return cast("T", call.result)

    def end(self) -> None:
        """End the loop's engines, and then the loop."""
        with suppress(Exception):
            asyncio.run_coroutine_threadsafe(_dispose_all(), self._loop).result(_ENDS_WITHIN)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_ENDS_WITHIN)
        if not self._thread.is_alive():
            self._loop.close()


async def _dispose_all() -> None:
    here = asyncio.get_running_loop()
    for (loop, _), shared in tuple(shared_engine.engines.items()):
        if loop is here:
            await shared.dispose()


_lock = threading.Lock()
_portal: _Portal | None = None


def wait_for(operation: Callable[[], Coroutine[Any, Any, T]], subject: str) -> T:
    """Return the result of an operation that is awaited on the portal's loop, blocking this thread.

    Raises:
        RuntimeError: This is called on the portal's own thread, for example by a codec, and would wait for itself.
    """
    global _portal  # noqa: PLW0603 - one for each process
    with _lock:
        if _portal is None:
            _portal = _Portal()
        portal = _portal
    if portal.is_here:
        raise RuntimeError(
            f"{subject}: it was called inside another operation, for example by a codec, and would wait for itself. "
            "Nothing was changed. Call it outside."
        )
    return portal.wait(operation)


def _end() -> None:
    global _portal
    portal, _portal = _portal, None
    if portal is not None:
        portal.end()


def _forget() -> None:
    """Leave the portal to the parent process, where its thread is."""
    global _portal, _lock
    _portal, _lock = None, threading.Lock()


atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

"""One event loop on one thread of the process, for callers without an event loop.

There, databases behind SQLAlchemy are used, key providers are asked, leases are renewed and changes are waited for. The
first such operation of a process starts it. A forked child starts its own, and it ends with the program.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from sessions.errors import OutcomeUnknownError, SyncCallInLoopError
from sessions.waits.blocking import blocked, hush
from sessions.waits.ending import ending, is_finalizing, refuse_at_end
from sessions.waits.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

T = TypeVar("T")

_ENDS_WITHIN: Final = 5.0
"""Seconds that the end of the program waits for open connections to be closed."""

_LOOK_AGAIN: Final = 0.5
"""Seconds between two looks at whether an event loop that is not ours is still running."""

at_end: Final[list[Callable[[], Awaitable[None]]]] = []
"""Awaited on the portal's loop before it ends."""


class Call(Outcome[T]):
    """One operation: begun and settled on an event loop, waited for on the caller's thread."""

    def __init__(self, operation: Callable[[], Awaitable[T]]) -> None:
        super().__init__()
        self._operation = operation
        self._task: asyncio.Task[None] | None = None
        self.settled = threading.Event()

    def begin(self) -> None:
        """Begin; called on the loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())
        # A task that is cancelled before its first step does not enter its coroutine.
        self._task.add_done_callback(self._settle)

    def cancel(self) -> None:
        """Cancel; called on the loop, after `begin` unless its caller was interrupted before."""
        if self._task is not None:
            self._task.cancel()
        else:
            self.settled.set()

    def abandon(self) -> None:
        """Let go of a task whose event loop has ended; called on any thread."""
        task = self._task
        if task is not None and not task.done():
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 - as asyncio.gather does
            cast("Coroutine[Any, Any, None]", task.get_coro()).close()

    def _settle(self, _: object) -> None:
        # When the last reference to a task goes, asyncio has a function called that forgets it. On the caller's thread,
        # Ctrl-C could come within that function, where Python ignores all errors.
        self._task = None
        # At the program's end, only daemon threads still wait. They are to end with it, and not with an error.
        if not _is_ending:
            self.settled.set()

    async def _run(self) -> None:
        try:
            self.result = await self._operation()
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller
            self.error = error


class _Portal:
    """A running event loop on a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="sessions-portal", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            self.loop.close()
            raise ending() from error
        # When it is started, so that it ends before the databases that its operations use.
        atexit.register(_end)

    @property
    def is_here(self) -> bool:
        """Whether this is the loop's thread, which nothing may block."""
        return threading.current_thread() is self._thread

    def end(self) -> None:
        """End the loop's operations and engines, and then the loop."""
        with suppress(Exception):
            asyncio.run_coroutine_threadsafe(_wind_up(), self.loop).result(_ENDS_WITHIN)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_ENDS_WITHIN)
        if not self._thread.is_alive():
            self.loop.close()


async def _wind_up() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=_ENDS_WITHIN / 2)
    for end in at_end:
        await end()
    await asyncio.get_running_loop().shutdown_asyncgens()


_lock = threading.Lock()
_portal: _Portal | None = None
_of_parents: Final[list[_Portal]] = []
_is_ending = False


def wait_for(operation: Callable[[], Awaitable[T]], subject: str) -> T:
    """Return the result of an operation that is awaited on the portal's loop, blocking this thread.

    An interrupted caller (Ctrl-C) is told when the outcome is settled.

    Raises:
        SyncCallInLoopError: This is called on the portal's own thread, for example by a codec, and would wait for
            itself.
        StoreError: The interpreter is ending.
    """
    global _portal, _is_ending
    refuse_at_end()
    portal = _portal
    if portal is None:
        with _lock:
            if _portal is None:
                _portal, _is_ending = _Portal(), False
            portal = _portal
    if portal.is_here:
        raise SyncCallInLoopError(
            f"{subject}: it was called inside another operation, for example by a codec or a key provider, and would "
            "wait for itself. Nothing was changed. Call it outside, or use the asynchronous classes there."
        )
    return _wait(portal.loop, operation, None)


def wait_on(loop: asyncio.AbstractEventLoop, operation: Callable[[], Awaitable[T]], subject: str) -> T:
    """Return the result of an operation that is awaited on an event loop of another thread, blocking this one.

    Raises:
        OutcomeUnknownError: The event loop ended meanwhile.
        StoreError: The interpreter is ending.
    """
    refuse_at_end()
    return _wait(loop, operation, subject)


def is_portal(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether an event loop is the portal's."""
    return _portal is not None and _portal.loop is loop


async def foreign(make: Callable[[], Awaitable[T]], subject: str) -> T:
    """Await something of a user's that may need an event loop: on the portal's, if this thread is blocked."""
    return await make() if blocked() is None else wait_for(make, subject)


def _wait(loop: asyncio.AbstractEventLoop, operation: Callable[[], Awaitable[T]], subject: str | None) -> T:
    """Wait for an operation on a loop; with a subject, it is a loop that may end at any time."""
    call = Call(operation)
    interruption: BaseException | None = None
    # The work is done in the caller's context: a codec may ask for its tenant.
    step: Callable[[], None] | None = call.begin
    while True:
        try:
            if step is not None:
                _post(loop, step, subject)
                step = None
            while not call.settled.wait(None if subject is None else _LOOK_AGAIN) and loop.is_running():
                pass
            break
        except OutcomeUnknownError:
            raise
        except BaseException as error:  # noqa: BLE001 - the keyboard's, or another signal's, at any point of the above
            hush()
            interruption, step = error, call.cancel
    if not call.settled.is_set():
        call.abandon()
        raise _ended(subject)
    if interruption is None and isinstance(call.error, asyncio.CancelledError) and subject is not None:
        raise _ended(subject)
    return call.take(interruption)


def _post(loop: asyncio.AbstractEventLoop, call: Callable[[], None], subject: str | None) -> None:
    try:
        loop.call_soon_threadsafe(call, context=copy_context())
    except RuntimeError:  # It has been closed.
        raise _ended(subject) from None


def _ended(subject: str | None) -> OutcomeUnknownError:
    return OutcomeUnknownError(
        f"{subject or 'this call'}: the event loop of the database's engine ended before the operation did, so it may "
        "have been done. Read the session before you try again."
    )


def leave_to_portal(operation: Callable[[], Coroutine[Any, Any, None]]) -> bool:
    """Have the portal do an operation, without waiting, and tell whether it runs. Called in the middle of anything."""
    portal = None if is_finalizing() else _portal
    if portal is not None:
        portal.loop.call_soon_threadsafe(Call(operation).begin)
    return portal is not None


def _end() -> None:
    global _portal, _is_ending  # noqa: PLW0603 - one for each process
    portal, _portal = _portal, None
    if portal is not None:
        _is_ending = True
        portal.end()


def _forget() -> None:
    """Leave the portal to the parent process, where its thread is."""
    global _portal, _lock, _is_ending
    if _portal is not None:
        # The ends of its connections would speak to its event loop.
        _of_parents.append(_portal)
    _portal, _lock, _is_ending = None, threading.Lock(), False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

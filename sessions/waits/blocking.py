"""Running coroutines without an event loop: every wait blocks the calling thread.

The code of sessions and stores is written once, as coroutines. Under `without_loop` it never suspends: a wait on an
event loop asks `blocked` first, and blocks its thread instead.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from asyncio import _get_running_loop
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar, cast

from sessions.waits.ending import is_finalizing
from sessions.waits.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

P = ParamSpec("P")
T = TypeVar("T")


class Blocked:
    """A call that blocks its thread.

    Attributes:
        loop: The event loop that was running on this thread when the call began; ``None`` without one.
        loops: All event loops that stand still until the call returns, also those of threads that wait for this one.
        alone: Whether the call must start no thread.
        handler: The handler of Ctrl-C that is to be put back when the call returns.
    """

    __slots__ = ("alone", "handler", "loop", "loops")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop | None,
        loops: tuple[asyncio.AbstractEventLoop, ...] = (),
        *,
        alone: bool = False,
    ) -> None:
        self.loop = loop
        self.alone = alone
        self.handler: Any = None
        self.loops = loops if loop is None or loop in loops else (*loops, loop)


class _Here(threading.local):
    """The state of each thread: its innermost call that blocks it."""

    call: Blocked | None = None


_here: Final = _Here()


def blocked() -> Blocked | None:
    """Return the call that blocks this thread; ``None`` for code that runs on an event loop.

    A function of the caller's may start another event loop inside of such a call, with `asyncio.run`: there, too, the
    answer is ``None``.
    """
    call = _here.call
    return None if call is None or call.loop is not _get_running_loop() else call


def without_loop(operation: Coroutine[Any, Any, T], *, alone: bool = False, hushed: bool = False) -> T:
    """Return the result of an operation, blocking this thread.

    Args:
        operation: The operation.
        alone: Start no thread for it, as within the garbage collection.
        hushed: Ignore Ctrl-C, as `hush` does.

    Raises:
        RuntimeError: The operation waits for an event loop.
    """
    before = _here.call
    _here.call = call = Blocked(_get_running_loop(), () if before is None else before.loops, alone=alone)
    try:
        if hushed:
            hush()
        operation.send(None)
    except StopIteration as done:
        return cast("T", done.value)
    finally:
        _here.call = before
        operation.close()
        if call.handler is not None:
            signal.signal(signal.SIGINT, call.handler)
    raise RuntimeError("this operation waits for an event loop")


def hush() -> None:
    """Ignore Ctrl-C until the call that blocks this thread returns: it has been interrupted, and is cleaning up."""
    call = _here.call
    if call is None or call.handler is not None or threading.current_thread() is not threading.main_thread():
        return
    handler = signal.getsignal(signal.SIGINT)
    if callable(handler):
        call.handler = handler
        signal.signal(signal.SIGINT, _ignore)


def _ignore(number: int, frame: object) -> None:
    """Handle a signal by doing nothing."""


async def pause(seconds: float) -> None:
    """Wait for some seconds."""
    if blocked() is None:
        await asyncio.sleep(seconds)
        return
    try:
        time.sleep(seconds)  # noqa: ASYNC251 - no event loop runs this
    except BaseException:
        hush()
        raise


async def in_thread(function: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> T:
    """Return the result of a function that takes its time, without blocking an event loop."""
    if blocked() is None:
        return await asyncio.to_thread(function, *arguments, **named)
    return function(*arguments, **named)


async def together(operations: Iterable[Coroutine[Any, Any, T]]) -> list[T | BaseException]:
    """Return the results or errors of all operations: at the same time, or in turn if this thread is blocked."""
    if blocked() is None:
        return await asyncio.gather(*operations, return_exceptions=True)
    return [await _outcome(operation) for operation in operations]


async def _outcome(operation: Coroutine[Any, Any, T]) -> T | BaseException:
    try:
        return await operation
    except Exception as error:  # noqa: BLE001 - it belongs to the caller
        return error


def to_the_end(operation: Coroutine[Any, Any, T]) -> T:
    """Return the result of an operation that no signal interrupts, such as that of Ctrl-C: it is raised afterwards.

    Signals reach only a program's main thread, so another one runs the operation while this one waits.
    """
    if is_finalizing() or (_here.call is not None and _here.call.alone):
        return without_loop(operation, alone=True)
    running = _Uninterrupted(operation)
    thread = threading.Thread(target=copy_context().run, args=(running.run,), name="sessions-settling", daemon=True)
    interruption: BaseException | None = None
    try:
        thread.start()
    except RuntimeError:  # The program is ending, and starts no threads any more.
        running.run()
    except BaseException as error:  # noqa: BLE001 - the keyboard's, or another signal's: it may not have started
        hush()
        interruption = error
        running.run()
    while not running.over.is_set():
        try:
            running.over.wait()
        except BaseException as error:  # noqa: BLE001 - as above
            hush()
            interruption = error
    return running.take(interruption)


class _Uninterrupted(Outcome[T]):
    """An operation that is run once, by the first thread that comes for it."""

    def __init__(self, operation: Coroutine[Any, Any, T]) -> None:
        super().__init__()
        self._operation = operation
        self._loops = () if _here.call is None else _here.call.loops
        self._is_taken = threading.Lock()
        self.over = threading.Event()

    def run(self) -> None:
        if not self._is_taken.acquire(blocking=False):
            return
        before = _here.call
        # The caller's event loop stands still while its thread waits for this one.
        _here.call = Blocked(None, self._loops)
        try:
            self.result = without_loop(self._operation)
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller
            self.error = error
        finally:
            _here.call = before
            self.over.set()

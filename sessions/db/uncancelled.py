"""Changes that are not abandoned half way: a cancelled caller is told when the outcome is settled."""

from __future__ import annotations

import asyncio
import sys
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sessions.waits.blocking import blocked, to_the_end

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from contextlib import AbstractContextManager

T = TypeVar("T")


async def settle(change: Coroutine[object, object, T]) -> T:
    """Return the result of `change`, which runs to its end even if the caller is cancelled; then pass that on.

    The change runs in a task of its own, which no scope of the caller's reaches. Its error, of any class, is raised
    here and nowhere else. For a caller that blocks its thread, it runs on a thread of its own, which no signal reaches.
    """
    if blocked() is not None:
        return to_the_end(change)
    outcome: list[T] = []
    running = asyncio.ensure_future(_keep(change, outcome))
    try:
        # A task that was waited for directly would be cancelled with its caller.
        await asyncio.wait([running])
    except asyncio.CancelledError:
        await wait_out(running.done, partial(asyncio.wait, [running]))
        change.close()
        raise
    error = None if running.cancelled() else running.result()
    if error is not None:
        try:
            raise error
        finally:
            del error, running  # They hold this frame, which holds them.
    if not outcome:
        change.close()
        raise asyncio.CancelledError  # All tasks of the loop are cancelled: it is ending.
    return outcome[0]


async def _keep(change: Coroutine[object, object, T], outcome: list[T]) -> BaseException | None:
    """Keep the result of a change, or return its error: a task that raises an interrupt would stop the event loop."""
    try:
        outcome.append(await change)
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - it belongs to the caller
        return error
    return None


async def wait_out(is_done: Callable[[], bool], wait: Callable[[], Awaitable[object]]) -> None:
    """Wait until something is done, even if the caller is cancelled again.

    For callers that were cancelled before, and raise that afterwards. A cancelled scope of anyio's cancels its tasks
    again in each cycle of the event loop, and keeps the loop busy by that, until they have left it or shield
    themselves.

    Args:
        is_done: Whether it is.
        wait: Returns something to wait for; called again if the waiting was cancelled.
    """
    with _shield():
        while not is_done():
            try:
                await wait()
            except asyncio.CancelledError:
                continue


def _shield() -> AbstractContextManager[object]:
    """Return a scope in which anyio cancels nothing, if this program uses anyio."""
    scope: Any = getattr(sys.modules.get("anyio"), "CancelScope", None)
    return nullcontext() if scope is None else cast("AbstractContextManager[object]", scope(shield=True))

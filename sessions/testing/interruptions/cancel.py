"""Ways to cancel an operation."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

import anyio

from sessions.testing.interruptions.shared import HANGS_AFTER, Action, awaited


async def _twice(operation: Action, moment: Action) -> bool:
    task = asyncio.ensure_future(awaited(operation))
    await moment()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    return await _was_cancelled(task)


async def _again_and_again(operation: Action, moment: Action) -> bool:
    task = asyncio.ensure_future(awaited(operation))
    await moment()
    while not task.done():
        task.cancel()
        await asyncio.sleep(0.0005)
    return await _was_cancelled(task)


async def _by_a_scope(operation: Action, moment: Action) -> bool:
    """As web frameworks do when a client goes away."""
    scope = anyio.CancelScope()

    async def within() -> None:
        with scope:
            await operation()

    task = asyncio.ensure_future(within())
    await moment()
    scope.cancel()
    await _was_cancelled(task)
    return scope.cancelled_caught


WAYS: Final = {"twice": _twice, "again and again": _again_and_again, "by a scope of anyio's": _by_a_scope}
"""Each has an operation cancelled at a moment, and tells whether it was."""


def cycles(steps: int, event: asyncio.Event | None = None) -> Action:
    """Return an action that waits for so many cycles of the event loop, after an event."""

    async def wait() -> None:
        if event is not None:
            await asyncio.wait_for(event.wait(), HANGS_AFTER)
        for _ in range(steps):
            await asyncio.sleep(0)

    return wait


async def _was_cancelled(task: asyncio.Task[None]) -> bool:
    done, _ = await asyncio.wait([task], timeout=HANGS_AFTER)
    assert done, "it hangs"
    with suppress(asyncio.CancelledError):
        await task
    return task.cancelled()

"""Changes that are not abandoned half way: a cancelled caller is told when the outcome is settled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


async def settle(change: Coroutine[object, object, T]) -> T:
    """Return the result of `change`, which runs to its end whatever cancels the caller; then pass that on."""
    task = asyncio.ensure_future(change)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not task.cancelled():
            task.exception()  # It has been seen: the caller asked not to hear of it.
        raise cancelled
    return task.result()

"""Waking those who watch sessions where the database tells nobody of changes: by letting them look again and again."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

_SHORTEST: Final = 0.05
_LONGEST: Final = 0.5
"""Seconds between two looks: after a change, and when nothing has happened for a while."""

_GROWTH: Final = 1.3


class PollingWaker:
    """A `Waker` that lets its caller look at growing intervals, up to half a second."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._pause = _SHORTEST

    async def wait(self, *, changed: bool) -> None:
        """Return after a while."""
        self._pause = _SHORTEST if changed else min(self._pause * _GROWTH, _LONGEST)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pause):
                await self.event.wait()
        self.event.clear()

    def wake(self) -> None:
        """Have `wait` return."""
        with suppress(RuntimeError):  # The loop has been closed.
            self._loop.call_soon_threadsafe(self.event.set)

    async def aclose(self) -> None:
        """Do nothing: nothing is held."""

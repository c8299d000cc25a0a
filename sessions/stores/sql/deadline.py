"""A bound on the time of one attempt: a network that swallows packets, or a server that is stopped, never answers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Self

from sessions.stores.sql.errors import is_database_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from sqlalchemy.ext.asyncio import AsyncEngine

ATTEMPT_TIMEOUT: Final = 60.0
"""Seconds, unless the caller knows better: longer than large reads, imports and waits for other writers take."""

MIGRATION_TIMEOUT: Final = 3600.0
"""Seconds: it may have to wait for another process's, or to rewrite a large table, and begins anew when given up."""

_DISPOSE_TIMEOUTS: Final = (2.0, 0.1)
"""Seconds to say goodbye on the first connection that does not answer, and on each of the others."""


class Deadline:
    """Bounds one attempt.

    While there is no connection yet, the attempt is cancelled when the time is up. Then its connection is ended,
    without a word to the server: what waits for an answer fails as on any connection that is lost.

    Args:
        seconds: ``None`` for no bound.

    Raises:
        TimeoutError: The time was up.
    """

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._task = asyncio.timeout(None)
        self._timer: asyncio.TimerHandle | None = None
        self._end: Callable[[], None] | None = None
        self._is_over = False

    async def __aenter__(self) -> Self:
        await self._task.__aenter__()
        if self._seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._expire)
        return self

    def connected(self, driver_connection: Any) -> None:
        """Tell which connection of the driver's is the attempt's from now on."""
        self._end = _ending(driver_connection)

    def _expire(self) -> None:
        self._is_over = True
        if self._end is not None:
            self._end()
        else:
            self._task.reschedule(asyncio.get_running_loop().time())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        cancelled = False
        try:
            await self._task.__aexit__(kind, error, trace)
        except TimeoutError:
            cancelled = True
        if cancelled or (self._is_over and error is not None and is_database_error(error)):
            raise TimeoutError(f"no answer within {self._seconds:g} s") from None


def _ending(driver_connection: Any) -> Callable[[], None] | None:
    """Return what ends a connection at once; ``None`` for a driver that is not known here."""
    if terminate := getattr(driver_connection, "terminate", None):  # asyncpg
        return terminate  # type: ignore[no-any-return]
    writer = getattr(driver_connection, "_writer", None)  # aiomysql has no public way that does not wait for the peer.
    return None if writer is None else writer.transport.abort


async def dispose(engine: AsyncEngine) -> None:
    """Dispose of an engine, without waiting for a network that is dead."""
    seconds, others = _DISPOSE_TIMEOUTS
    while True:
        try:
            async with asyncio.timeout(seconds):
                await engine.dispose()
        except TimeoutError:
            # The driver has ended the connection it waited for; the pool still holds the others.
            seconds = others
        else:
            return

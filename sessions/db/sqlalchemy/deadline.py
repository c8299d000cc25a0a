"""A bound on the time of one attempt: a network that swallows packets, or a server that is stopped, never answers.

Neither keepalive nor ``tcp_user_timeout`` notices a stopped server, as its kernel still acknowledges. asyncpg's
``command_timeout`` does not help either: it asks the server, over a new connection, to cancel, and waits for that.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Self

from sqlalchemy import event
from sqlalchemy.pool import QueuePool

from sessions.db.sqlalchemy.errors import is_database_error
from sessions.db.sqlalchemy.outage import TELL_AFTER
from sessions.db.sqlalchemy.severing import ending

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from sqlalchemy.ext.asyncio import AsyncEngine
    from sqlalchemy.pool import ConnectionPoolEntry

    from sessions.db.sqlalchemy.outage import Outage

ATTEMPT_TIMEOUT: Final = 60.0
"""Seconds, unless the caller knows better: longer than large reads, imports and waits for other writers take."""

MIGRATION_TIMEOUT: Final = 3600.0
"""Seconds: it may have to wait for another process's, or to rewrite a large table, and begins anew when given up."""

_DISPOSE_TIMEOUTS: Final = (2.0, 0.1)
"""Seconds to say goodbye on the first connection that does not answer, and on each of the others."""


class UnreachableError(TimeoutError):
    """The time to get a connection was up."""


class Deadline:
    """Bounds one attempt.

    If the time is up before the attempt has a connection, it is cancelled. Then its connection is ended, without a word
    to the server: waiting calls fail as on any lost connection.

    Args:
        seconds: ``None`` for no bound.
        outage: Learns of a missing connection, and limits the wait for one.

    Raises:
        TimeoutError: The time was up; `UnreachableError` if that to get a connection was.
    """

    def __init__(self, seconds: float | None, outage: Outage | None = None) -> None:
        self._seconds = seconds
        self._outage = outage
        self._task = asyncio.timeout(None)
        self._timer: asyncio.TimerHandle | None = None
        self._end: Callable[[], None] | None = None
        self._is_connected = False
        self._is_over = False

    async def __aenter__(self) -> Self:
        await self._task.__aenter__()
        if self._seconds is not None:
            # One timer, which is set again in the rare case that it comes to that.
            tell = self._outage is not None and self._seconds > TELL_AFTER
            call = self._look if tell else self._expire
            self._timer = asyncio.get_running_loop().call_later(TELL_AFTER if tell else self._seconds, call)
        return self

    def connected(self, driver_connection: Any) -> None:
        """Tell which connection of the driver's is the attempt's from now on."""
        self._end = ending(driver_connection)
        self._is_connected = True
        if self._outage is not None:
            self._outage.connected += 1

    @property
    def _is_unreachable(self) -> bool:
        return not self._is_connected and self._outage is not None and not self._outage.connected

    def _look(self) -> None:
        """Report a missing connection, and continue to wait: less long for a connection than for an answer."""
        within = self._within
        call, seconds = self._expire, self._seconds or 0.0
        if self._is_unreachable and self._outage is not None:
            self._outage.tell("no connection yet")
            if within < seconds:
                call, seconds = self._give_up, within
        self._timer = asyncio.get_running_loop().call_later(seconds - TELL_AFTER, call)

    def _give_up(self) -> None:
        """Expire if there is still no connection, and else go on to wait for the answer."""
        if self._is_unreachable:
            self._expire()
        else:
            left = (self._seconds or 0.0) - self._within
            self._timer = asyncio.get_running_loop().call_later(left, self._expire)

    @property
    def _within(self) -> float:
        return TELL_AFTER if self._outage is None else max(TELL_AFTER, self._outage.connect_within)

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
        if self._is_connected and self._outage is not None:
            self._outage.connected -= 1
        cancelled = False
        try:
            await self._task.__aexit__(kind, error, trace)
        except TimeoutError:
            cancelled = True
        if cancelled or (self._is_over and error is not None and is_database_error(error)):
            if self._is_connected:
                raise TimeoutError("no answer in time") from None
            raise UnreachableError("no connection in time") from None


async def dispose(engine: AsyncEngine) -> None:
    """Dispose of an engine, without waiting for a network that is dead.

    Borrowed connections are closed when they are returned, to a pool that is no longer used.
    """
    if isinstance(pool := engine.sync_engine.pool, QueuePool):
        event.listen(pool, "checkin", _close)
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


def _close(connection: object, record: ConnectionPoolEntry) -> None:
    """Close a connection that comes back to its pool."""
    if connection is not None:
        record.close()

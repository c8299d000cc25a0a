"""A background task that purges a store again and again."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING, Final, Self

from sessions.db.background import begin
from sessions.db.uncancelled import settle
from sessions.errors import SessionClosedError
from sessions.validation import check_seconds
from sessions.waits.blocking import pause

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta
    from types import TracebackType

    from sessions.db import Backend
    from sessions.db.background import Background

_log = logging.getLogger("sessions")

_JITTER: Final = 0.25
"""The share by which the time between rounds varies, so that several processes do not run in step."""


class Sweeper:
    """Purges in the background, from entering an asynchronous context to leaving it. Get one from `Store.sweeper`.

    Example: ``async with store.sweeper(every=60) as sweeper: print(sweeper.running)``

    Several processes may sweep one store without doing work twice. A round that fails is logged, on the logger
    ``sessions``, and the next one follows as planned.

    Args:
        purge: Runs one round.
        backend: The store's database.
        every: Seconds from the end of a round to the next, varied by a quarter at random. The first round starts at a
            random time within the first interval.

    Raises:
        TypeError: `every` is not a number.
        ValueError: `every` is not positive, or above a hundred years.
    """

    def __init__(self, purge: Callable[[], Awaitable[int]], backend: Backend, every: float | timedelta) -> None:
        self._purge = purge
        self._backend = backend
        self._every = check_seconds(every, "every") / 1_000_000
        self._task: Background | None = None

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def running(self) -> bool:
        """Tell whether another round will follow.

        Example: ``assert sweeper.running``
        """
        return self._task is not None and not self._task.is_over

    def start(self) -> None:
        """Start in the running event loop. It does nothing if already started.

        Example: ``sweeper.start()``
        """
        if not self.running:
            self._task = begin(self._backend, self._run, "sessions-sweeper")

    async def stop(self) -> None:
        """Stop. A transaction that has begun is finished first.

        Example: ``await sweeper.stop()``
        """
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await settle(task.ended())

    async def _run(self) -> None:
        await pause(self._every * random.random())  # noqa: S311 - nothing is to be kept secret
        while True:
            try:
                removed = await self._purge()
            except SessionClosedError:
                return
            except Exception:  # noqa: BLE001 - one round failed, whatever it was; the next may not
                _log.exception("purging the store failed. The next round tries again.")
            else:
                if removed:
                    _log.debug("purged %d expired items", removed)
            await pause(self._every * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311 - as above

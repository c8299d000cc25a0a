"""The engine for a URL in one event loop: shared by all its holders, and disposed soon after the last one releases it.

`SharedEngine` is held by backends, weakly: one that is closed lets go, and so does one that is
garbage. Then the engine lingers for a moment, as the next request may come for it. It ends at the latest with its
loop: an asynchronous generator waits in it, and asyncio closes those before it closes the loop. A loop that is closed
by hand closes none, so the engines of such loops are looked for when the next one is made.
"""

from __future__ import annotations

import asyncio
import warnings
import weakref
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, InvalidRequestError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import StaticPool

from sessions.db.dialect import MARIADB, SQLITE
from sessions.db.sqlalchemy.deadline import dispose
from sessions.db.sqlalchemy.forks import stop
from sessions.db.sqlalchemy.severing import check_tls, end_at_once, sever
from sessions.db.sqlalchemy.urls import NO_URL, USE

if TYPE_CHECKING:
    import threading
    from collections.abc import AsyncGenerator, Hashable, Mapping

    from sqlalchemy import URL
    from sqlalchemy.ext.asyncio import AsyncEngine

LINGER: Final = 2.0
"""Seconds that an engine which nobody holds waits for the next holder."""

_MOST_LINGERING: Final = 4
"""Engines of one loop that linger at the same time: who makes a new password for each request gets no old one back."""

engines: dict[tuple[asyncio.AbstractEventLoop, Hashable], SharedEngine] = {}
"""Those that can be found, by loop and by URL and options."""

_WITHOUT_A_WORD: Final = (MARIADB, "mariadb")
"""Databases whose drivers speak in the clear, although they were given a TLS context, if the server has no TLS."""

_ending: set[asyncio.Task[None]] = set()
_of_parents: list[SharedEngine] = []
"""Engines from before a fork. They are kept: their ends would speak to the parent's event loop."""


def make_engine(url: URL, options: Mapping[str, Any]) -> AsyncEngine:
    """Return an engine for a URL; errors do not show the URL, because of its password."""
    driver = url.drivername
    if url.get_backend_name() != SQLITE and not options.keys() & {"pool", "poolclass"}:
        # The connection used last: the caches of its server process are still warm. In turns, a read takes half as long
        # again.
        options = {"pool_use_lifo": True, **options}
    try:
        return create_async_engine(url, **options)
    except ArgumentError:
        raise ValueError(NO_URL) from None
    except InvalidRequestError:
        raise ValueError(
            f"the driver of {driver}:// is synchronous, not asynchronous. Nothing was opened. {USE}."
        ) from None
    except ModuleNotFoundError as error:
        extra = "'agent-session-store[mysql]'" if error.name in {"aiomysql", "pymysql"} else error.name
        text = (
            f"{driver}:// needs the package {error.name}, which is not installed. Nothing was opened. "
            f"Run: pip install {extra}"
        )
        raise ModuleNotFoundError(text, name=error.name) from None


class SharedEngine:
    """One event loop's engine for a URL. All methods except `release` run in that loop."""

    def __init__(self, key: Hashable, url: URL, options: Mapping[str, Any]) -> None:
        self.loop = asyncio.get_running_loop()
        self.engine = make_engine(url, options)
        self.is_over = False
        self._place = self.loop, key
        self._holders: dict[int, weakref.ref[object]] = {}
        self._timer: asyncio.TimerHandle | None = None
        # SQLite's file can be copied or deleted when the last session is closed.
        self.lingers = url.get_backend_name() != SQLITE
        self.is_in_memory = not self.lingers and isinstance(self.engine.pool, StaticPool)
        self._needs_tls = url.get_backend_name() in _WITHOUT_A_WORD and bool(
            (options.get("connect_args") or {}).get("ssl")
        )
        self._connections: weakref.WeakSet[Any] = weakref.WeakSet()
        event.listen(self.engine.sync_engine, "connect", self._note)
        self._end = self._dispose_at_end()
        with warnings.catch_warnings(), suppress(StopIteration):
            # A loop may go on after its generators were closed, as the OpenAI Agents SDK's run_sync does.
            warnings.simplefilter("ignore", ResourceWarning)
            self._end.__anext__().send(None)
        engines[self._place] = self

    def hold(self, holder: object) -> None:
        """Keep the engine until `holder` is released, or is garbage."""
        number = id(holder)
        if number not in self._holders:
            self._holders[number] = weakref.ref(holder, partial(self._gone, number))
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def release(self, holder: object) -> bool:
        """Let a holder go, and tell whether that leaves none. Called from any thread."""
        self._holders.pop(id(holder), None)
        return not self._holders

    def unheld(self) -> None:
        """Linger, if there is still no holder."""
        if self._holders or self.is_over or self._timer is not None:
            return
        if not self.lingers:
            self.end_soon()
            return
        self._timer = self.loop.call_later(LINGER, self.end_soon)
        lingering = [one for (loop, _), one in tuple(engines.items()) if loop is self.loop and one._timer is not None]  # noqa: SLF001 - it is one of ours
        if len(lingering) > _MOST_LINGERING:
            min(lingering, key=lambda one: one._timer.when() if one._timer else 0.0).end_soon()  # noqa: SLF001 - as above

    def end_soon(self) -> None:
        """Begin to dispose of the engine, if there is still no holder."""
        if not self._holders and not self.is_over:
            self._forget()
            task = self.loop.create_task(self.dispose())
            _ending.add(task)
            task.add_done_callback(_ending.discard)

    async def dispose(self) -> None:
        """Close its connections."""
        self._forget()
        await self._end.aclose()

    def leave_behind(self) -> None:
        """Let go of the connections, whose loop is closed or is the parent's of this process."""
        self._forget()
        for connection in tuple(self._connections):
            sever(connection)
            stop(connection)

    def _note(self, connection: object, record: Any) -> None:
        del connection
        if self._needs_tls:
            check_tls(record.driver_connection)
        with suppress(TypeError):  # A driver's connection that cannot be referred to weakly.
            self._connections.add(record.driver_connection)

    def _gone(self, number: int, holder: weakref.ref[object]) -> None:
        """Note that a holder is garbage. Called in any thread, in the middle of anything."""
        del holder
        self._holders.pop(number, None)
        if not self._holders and not self.is_over:
            with suppress(RuntimeError):  # The loop has been closed: see `sweep`.
                self.loop.call_soon_threadsafe(self.unheld)

    def _forget(self) -> None:
        self.is_over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if engines.get(self._place) is self:
            del engines[self._place]

    async def _dispose_at_end(self) -> AsyncGenerator[None]:
        """Wait; asyncio closes generators before it closes their loop."""
        try:
            yield
        finally:
            self._forget()
            # aiosqlite's threads report to the loop when they have closed their file.
            threads = [thread for one in self._connections if (thread := getattr(one, "_thread", None)) is not None]
            try:
                await dispose(self.engine)
            except asyncio.CancelledError:
                # A loop that ends cancels its tasks. No network is between us and a file, so closing that is soon done.
                if not self.lingers:
                    await dispose(self.engine)
                    await _ended(threads)
                for connection in tuple(self._connections):
                    end_at_once(connection)
                raise


async def _ended(threads: list[threading.Thread]) -> None:
    """Wait for threads that are about to end; not for ever, as a connection may still be in use."""
    for _ in range(1000):
        if not any(thread.is_alive() for thread in threads):
            return
        await asyncio.sleep(0.001)


def sweep() -> None:
    """Release the engines of closed loops, whose connections would never be closed otherwise."""
    for shared in tuple(engines.values()):
        if shared.loop.is_closed():
            shared.leave_behind()


def leave_to_parent() -> None:
    """Forget all engines: they belong to the parent of this process, which goes on to use their connections."""
    for shared in tuple(engines.values()):
        shared.leave_behind()
        _of_parents.append(shared)

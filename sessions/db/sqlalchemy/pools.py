"""The shared state of all databases behind one pool, with any options of their engines: places, locks, known facts.

`AsyncEngine.execution_options` returns another engine with the same pool. SQLAlchemy gives both the same dialect, and
keeps it when an engine is disposed of: so a pool is known by that.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final, Literal

from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool, StaticPool
from sqlalchemy.util import await_only

from sessions.db.dialect import SQLITE
from sessions.db.uncancelled import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from sqlalchemy import Dialect
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
    from sqlalchemy.pool import Pool

    from sessions.db.schema import Schema

_LOOK_AGAIN: Final = 0.002
"""Seconds after which a task looks whether it is its turn, where no event loop can wake it."""


class _Places(asyncio.Semaphore):
    """As many places as a pool keeps connections; further callers wait in order.

    Connections that a pool opens beyond that, it closes again: an operation would pay for one of its own.
    """

    def __init__(self, pool: QueuePool) -> None:
        super().__init__(pool.size())
        self._seconds = pool.timeout()

    async def acquire(self) -> Literal[True]:
        """Wait for a place.

        Raises:
            sqlalchemy.exc.TimeoutError: It took longer than the pool would have waited.
        """
        if not self.locked():
            return await super().acquire()
        try:
            async with asyncio.timeout(self._seconds):
                return await super().acquire()
        except TimeoutError:
            raise PoolTimeoutError(f"no connection became free within {self._seconds:g} s") from None


class _OfLoop:
    """Locks and places for one event loop, which owns asyncio's locks. When it ends, all of them are free."""

    def __init__(self, engine: AsyncEngine) -> None:
        pool = engine.sync_engine.pool
        # A size of 0 means no limit.
        self.places = _Places(pool) if isinstance(pool, QueuePool) and pool.size() > 0 else None
        self.schema_lock = asyncio.Lock()
        # SQLite has one writer. In memory, all share one connection, so readers wait too.
        self.write_lock = asyncio.Lock() if engine.dialect.name == SQLITE else None
        self.read_lock = self.write_lock if isinstance(pool, StaticPool) else None


class SharedPool:
    """The shared state of all databases behind one pool."""

    def __init__(self) -> None:
        self.ready: set[tuple[str, str | None, tuple[Schema, ...]]] = set()
        """Prefixes, schemas and components of tables that are known to be up to date."""
        self.told = False
        """Whether the log says that this engine takes the general way."""
        self._of_loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _OfLoop] = weakref.WeakKeyDictionary()

    def schema_lock(self, engine: AsyncEngine) -> asyncio.Lock:
        """Return the lock to hold while the schema is checked."""
        return self._here(engine).schema_lock

    def lock(self, engine: AsyncEngine, *, write: bool) -> AbstractAsyncContextManager[Any]:
        """Return the lock of a transaction on a database with one writer."""
        here = self._here(engine)
        return (here.write_lock if write else here.read_lock) or nullcontext()

    def place(self, engine: AsyncEngine) -> AbstractAsyncContextManager[Any]:
        """Return the place that an operation holds while it borrows a connection."""
        return self._here(engine).places or nullcontext()

    def _here(self, engine: AsyncEngine) -> _OfLoop:
        loop = asyncio.get_running_loop()
        found = self._of_loops.get(loop)
        if found is None:
            found = self._of_loops[loop] = _OfLoop(engine)
        return found


@asynccontextmanager
async def borrowed(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Borrow a connection of an engine's pool, and return it even if the event loop is ending.

    SQLAlchemy returns a connection in a task. A loop that ends cancels its tasks, some of them before their first step:
    then nothing would close the connection.
    """
    connection = await engine.connect()
    try:
        yield connection
    finally:
        try:
            await settle(connection.close())
        except asyncio.CancelledError:
            # Does nothing if the connection was returned.
            await connection.close()
            raise


class _OneOfAnyLoop:
    """A lock that tasks of several event loops may wait for, in SQLAlchemy's greenlets."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> bool:
        while not self._lock.acquire(blocking=False):
            await_only(asyncio.sleep(_LOOK_AGAIN))
        return True

    def __exit__(self, *raised: object) -> None:
        self._lock.release()


def admit_any_loop(pool: Pool) -> None:
    """Have a pool's first connections wait for each other also if they are made in several event loops.

    SQLAlchemy makes them wait for a lock of asyncio's, which fails in all loops except one, or leaves its waiters for
    ever.
    """
    connect: Any = pool.dispatch.connect
    if not getattr(connect, "_exec_w_sync_once", True):
        connect._exec_once_mutex = _OneOfAnyLoop()  # noqa: SLF001 - it has no public name


_shared: weakref.WeakKeyDictionary[Dialect, SharedPool] = weakref.WeakKeyDictionary()


def shared_pool(engine: AsyncEngine) -> SharedPool:
    """Return the shared state of all databases behind an engine's pool."""
    return _shared.setdefault(engine.dialect, SharedPool())

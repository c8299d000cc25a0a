"""The databases behind engines: one for each event loop, prefix and set of options, with any number of users."""

from __future__ import annotations

import asyncio
import weakref
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.pool import NullPool

from sessions.db.dialect import SQLITE
from sessions.db.sqlalchemy import forks
from sessions.db.sqlalchemy.database import Database
from sessions.db.sqlalchemy.pools import admit_any_loop
from sessions.db.sqlalchemy.urls import SUPPORTED, USE
from sessions.waits import portal

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from sessions.db.component import Component


_OfLoop = dict[object, Database]

_databases: weakref.WeakKeyDictionary[AsyncEngine, dict[asyncio.AbstractEventLoop, _OfLoop]] = (
    weakref.WeakKeyDictionary()
)
"""What is behind an engine, in each event loop: it has locks and tasks, which belong to one."""

_inherited: weakref.WeakKeyDictionary[AsyncEngine, Any] = weakref.WeakKeyDictionary()
"""Callers' engines from before a fork, and the pools whose connections the parent goes on to use."""


def database_of(
    engine: AsyncEngine,
    *,
    create_tables: bool,
    prefix: str,
    schema: str | None,
    attempt_timeout: float,
    retry_timeout: float,
    components: tuple[Component, ...] = (),
) -> Database:
    """Return the database behind an engine in the running event loop, made at the first call.

    Raises:
        RuntimeError: The engine's connections belong to another event loop or process.
    """
    loop = asyncio.get_running_loop()
    of_loops = _databases.get(engine)
    databases = None if of_loops is None else of_loops.get(loop)
    if databases is None:
        databases = _admit(engine, loop)
    # An engine's options may be updated later on.
    names = engine.sync_engine.get_execution_options().get("schema_translate_map")
    key = (
        create_tables,
        prefix,
        schema,
        attempt_timeout,
        retry_timeout,
        components,
        names and names.get(schema, schema),
    )
    if key not in databases:
        if engine.dialect.name not in SUPPORTED:
            raise ValueError(
                f"the engine's database, {engine.url.drivername}://, is not supported. Nothing was done. {USE}."
            )
        options: dict[str, Any] = {
            "create_tables": create_tables,
            "prefix": prefix,
            "schema": schema,
            "attempt_timeout": attempt_timeout,
            "retry_timeout": retry_timeout,
            "components": components,
        }
        if type(engine.dialect).__name__ == "PGDialect_asyncpg":  # No subclass of it, which may execute differently.
            # Imported only where it is used: it needs the driver.
            from sessions.db.postgres.database import AsyncpgDatabase  # noqa: PLC0415

            databases[key] = AsyncpgDatabase(engine, **options)
        else:
            databases[key] = Database(engine, **options)
    return databases[key]


def loops_of(engine: AsyncEngine) -> list[asyncio.AbstractEventLoop]:
    """Return the event loops that use an engine, except those that were closed."""
    return [loop for loop in tuple(_databases.get(engine, {})) if not loop.is_closed()]


def has_connections(engine: AsyncEngine) -> bool:
    """Tell whether an engine's pool has connections; False for a pool that does not count them."""
    pool: Any = engine.pool
    return hasattr(pool, "checkedin") and not _is_empty(pool)


_CURE: Final = "To use several event loops, pass a URL, or an engine with poolclass=NullPool"


def _admit(engine: AsyncEngine, loop: asyncio.AbstractEventLoop) -> _OfLoop:
    """Let an event loop use an engine, if it may.

    Raises:
        RuntimeError: The engine's connections belong to another event loop or process.
    """
    of_loops = _databases.setdefault(engine, {})
    pool = engine.pool
    if _inherited.get(engine) is pool:
        raise RuntimeError(
            "the engine's connections belong to the parent process of this fork. Nothing was changed. Make "
            "an engine in each process, or first call engine.sync_engine.dispose(close=False) in the child."
        )
    closed = [other for other in of_loops if other.is_closed()]
    if not isinstance(pool, NullPool) and _has_begun_with(engine, pool):
        if len(of_loops) > len(closed):
            raise RuntimeError(f"the engine's connections belong to another event loop. Nothing was changed. {_CURE}.")
        if closed and not _renewed(engine):
            raise RuntimeError(
                "the engine has connections of an event loop that was closed. Nothing was changed. Await "
                f"engine.dispose() before its loop ends. {_CURE}."
            )
    if isinstance(pool, NullPool) and not of_loops:
        admit_any_loop(pool)
    for other in closed:
        del of_loops[other]
    _pools[engine] = weakref.ref(engine.pool)
    return of_loops.setdefault(loop, {})


_pools: weakref.WeakKeyDictionary[AsyncEngine, weakref.ref[Any]] = weakref.WeakKeyDictionary()
"""The pools that engines had when an event loop began to use them: disposing of an engine gives it a new one.

Weakly: listeners of a pool may refer to its engine, which would then stay for ever.
"""


def _has_begun_with(engine: AsyncEngine, pool: Any) -> bool:
    begun = _pools.get(engine)
    return begun is not None and begun() is pool


def _renewed(engine: AsyncEngine) -> bool:
    """Tell whether another event loop may use an engine whose loop has been closed; have it do so on SQLite."""
    pool: Any = engine.pool
    if engine.dialect.name == SQLITE:
        # Its connections belong to no loop, but the callers that wait for one do.
        queue = getattr(getattr(pool, "_pool", None), "_queue", None)
        if getattr(queue, "_loop", None) is not None:
            forks.stop_all(pool)
            engine.sync_engine.dispose(close=False)
        return True
    return _is_empty(pool)


def _is_empty(pool: Any) -> bool:
    """Tell whether a pool has no connections."""
    if isinstance(pool, NullPool):
        return True
    try:
        return pool.checkedin() + pool.checkedout() == 0  # type: ignore[no-any-return]
    except AttributeError:  # It does not count them.
        return False


async def _dispose_all() -> None:
    """Dispose of callers' engines that the portal's event loop uses: nobody else can, and the program is ending."""
    here = asyncio.get_running_loop()
    for engine, of_loops in tuple(_databases.items()):
        if here in of_loops:
            await engine.dispose()


def _leave_to_parent() -> None:
    """Forget, in a forked child, everything that belongs to its parent."""
    for engine in tuple(_databases):
        if not _is_empty(engine.pool):
            _inherited[engine] = engine.pool
    _databases.clear()
    _pools.clear()


forks.after_fork.append(_leave_to_parent)
portal.at_end.append(_dispose_all)

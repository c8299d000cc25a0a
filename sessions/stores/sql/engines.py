"""Engines: the caller's own, or one for each event loop, URL and options, however many sessions use it."""

from __future__ import annotations

import asyncio
import warnings
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, InvalidRequestError, NoSuchModuleError
from sqlalchemy.ext.asyncio import create_async_engine

from sessions.log.dialect import POSTGRES, SQLITE
from sessions.stores.sql.database import Database
from sessions.stores.sql.deadline import dispose

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from sqlalchemy.ext.asyncio import AsyncEngine

    from sessions.log.conversation import ForeignTables
    from sessions.stores.sql.hot import PostgresDatabase

_databases: weakref.WeakKeyDictionary[AsyncEngine, dict[object, Database | PostgresDatabase]] = (
    weakref.WeakKeyDictionary()
)


_NO_URL: Final = (
    "this is no URL of a database, as in postgresql+asyncpg://user:password@host/database. Special characters in a "
    "password are written as %XX"
)
_USE: Final = "Use postgresql+asyncpg://, mysql+aiomysql:// or sqlite+aiosqlite://"


def _make_engine(url: str, options: Mapping[str, Any]) -> AsyncEngine:
    """Return an engine for a URL; what is wrong with a URL is said without showing it, for its password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError(_NO_URL) from None
    driver = parsed.drivername
    if parsed.get_backend_name() != SQLITE and not options.keys() & {"pool", "poolclass"}:
        # The connection used last: what a server's process keeps for it is still at hand. In turns, a read takes half
        # as long again.
        options = {"pool_use_lifo": True, **options}
    try:
        return create_async_engine(parsed, **options)
    except NoSuchModuleError:  # It is an ArgumentError too.
        raise ValueError(f"no driver is known for {driver}://. {_USE}") from None
    except ArgumentError:
        raise ValueError(_NO_URL) from None
    except InvalidRequestError:
        raise ValueError(f"the driver of {driver}:// is not asynchronous. {_USE}") from None
    except ModuleNotFoundError as error:
        how = "pip install 'agent-sessions[mysql]'" if error.name in {"aiomysql", "pymysql"} else "install it"
        text = f"{driver}:// needs the package {error.name}, which is not installed. {_USE}, or: {how}"
        raise ModuleNotFoundError(text, name=error.name) from None


class _SharedEngine:
    """One event loop's engine, disposed of by the last to let go of it, or at the latest with the loop."""

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self.engine = _make_engine(url, options)
        self.holders: weakref.WeakSet[Any] = weakref.WeakSet()
        self._end = self._dispose_at_end()
        with warnings.catch_warnings(), suppress(StopIteration):
            # A loop may go on after its generators were closed, as the OpenAI Agents SDK's run_sync does.
            warnings.simplefilter("ignore", ResourceWarning)
            self._end.__anext__().send(None)

    async def _dispose_at_end(self) -> AsyncGenerator[None]:
        """Wait; asyncio closes generators before it closes their loop."""
        try:
            yield
        finally:
            engines = _engines.get(asyncio.get_running_loop(), {})
            for key in [key for key, shared in engines.items() if shared is self]:
                del engines[key]
            await dispose(self.engine)

    async def dispose(self) -> None:
        await self._end.aclose()


_engines: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _SharedEngine]] = weakref.WeakKeyDictionary()


class EngineOfLoop:
    """Where an engine is found in each event loop: by its URL and options."""

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        self._url = url
        # Parameters of statements hold messages, and belong in no log and no error.
        self._options = {"hide_parameters": True, **(options or {})}
        self._key = f"{url} {sorted(self._options.items())!r}"

    def engine(self, holder: object) -> AsyncEngine:
        """Return this event loop's engine, made at the first call."""
        engines = _engines.setdefault(asyncio.get_running_loop(), {})
        shared = engines.get(self._key)
        if shared is None:
            shared = engines[self._key] = _SharedEngine(self._url, self._options)
        shared.holders.add(holder)
        return shared.engine

    async def let_go(self, holder: object) -> None:
        """Dispose of this event loop's engine if nobody but `holder` uses it."""
        engines = _engines.get(asyncio.get_running_loop(), {})
        shared = engines.get(self._key)
        if shared is not None:
            shared.holders.discard(holder)
            if not shared.holders:
                del engines[self._key]
                await shared.dispose()


def database_of(
    engine: AsyncEngine,
    *,
    create_tables: bool,
    prefix: str,
    schema: str | None,
    attempt_timeout: float,
    foreign: ForeignTables | None = None,
) -> Database | PostgresDatabase:
    """Return the database behind an engine, made at the first call."""
    databases = _databases.setdefault(engine, {})
    key = (create_tables, prefix, schema, attempt_timeout, foreign)
    if key not in databases:
        options: dict[str, Any] = {
            "create_tables": create_tables,
            "prefix": prefix,
            "schema": schema,
            "attempt_timeout": attempt_timeout,
            "foreign": foreign,
        }
        if engine.dialect.name == POSTGRES and engine.dialect.driver == "asyncpg":
            # Imported by those who use it only: it needs the driver.
            from sessions.stores.sql.asyncpg_database import AsyncpgDatabase  # noqa: PLC0415
            from sessions.stores.sql.hot import PostgresDatabase  # noqa: PLC0415

            databases[key] = PostgresDatabase(AsyncpgDatabase(engine, **options))
        else:
            databases[key] = Database(engine, **options)
    return databases[key]

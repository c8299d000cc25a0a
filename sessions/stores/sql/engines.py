"""Engines made from a URL: one for each event loop, URL and options, however many sessions use it."""

from __future__ import annotations

import asyncio
import weakref
from typing import TYPE_CHECKING, Any

from sqlalchemy.ext.asyncio import create_async_engine

from sessions.log.dialect import POSTGRES
from sessions.stores.sql.database import Database

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncEngine

    from sessions.stores.sql.hot import PostgresDatabase

_engines: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, AsyncEngine]] = weakref.WeakKeyDictionary()
_databases: weakref.WeakKeyDictionary[AsyncEngine, dict[Any, Database | PostgresDatabase]] = weakref.WeakKeyDictionary()


def engine_for(url: str, options: Mapping[str, Any]) -> AsyncEngine:
    """Return this event loop's engine for a URL and options, made at the first call."""
    engines = _engines.setdefault(asyncio.get_running_loop(), {})
    key = f"{url} {sorted(options.items())!r}"
    engine = engines.get(key)
    if engine is None:
        # Parameters of statements hold messages, and belong in no log and no error.
        engine = engines[key] = create_async_engine(url, **{"hide_parameters": True, **options})
    return engine


def database_of(
    engine: AsyncEngine, *, create_tables: bool, prefix: str, schema: str | None
) -> Database | PostgresDatabase:
    """Return the database behind an engine, made at the first call."""
    databases = _databases.setdefault(engine, {})
    key = (create_tables, prefix, schema)
    if key not in databases:
        general = Database(engine, create_tables=create_tables, prefix=prefix, schema=schema)
        # Imported by those who use it only: asyncpg is the driver of this path.
        if engine.dialect.name == POSTGRES and engine.dialect.driver == "asyncpg":
            from sessions.stores.sql.hot import PostgresDatabase  # noqa: PLC0415

            databases[key] = PostgresDatabase(general)
        else:
            databases[key] = general
    return databases[key]

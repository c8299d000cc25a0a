"""The names that people know from LangGraph's stores, for `SessionStore`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

from sessions.adapters.langgraph.names import IN_MEMORY, is_of_psycopg, sqlite_source
from sessions.adapters.langgraph.store import SessionStore

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

    from sessions.store.store import Store


class SqliteStore(SessionStore):
    """A `SessionStore` on a SQLite file, by a path.

    Example: ``store = SqliteStore.from_conn_string("memories.db", index={"dims": 256, "embed": "local"})``

    Args:
        conn: A path, ``":memory:"``, a URL ``sqlite:///…``, a store, or a connection of `sqlite3`, whose file is opened
            anew; of a connection to a database in memory, one of the store's own.
        options: As for `SessionStore`.

    Raises:
        TypeError: `conn` is something else.
    """

    def __init__(self, conn: str | Path | sqlite3.Connection | Store, **options: Any) -> None:
        super().__init__(sqlite_source(conn), **options)

    @classmethod
    def from_conn_string(cls, conn_string: str | Path, **options: Any) -> Self:
        """Return a store on a file, which also works in ``with``.

        Example: ``graph = builder.compile(store=SqliteStore.from_conn_string("memories.db"))``

        Args:
            conn_string: A path, ``":memory:"``, or a URL ``sqlite:///…``.
            options: As for `SessionStore`: ``index``, ``ttl`` and so on.
        """
        return cls(conn_string, **options)


class PostgresStore(SessionStore):
    """A `SessionStore` on Postgres, by a URL.

    Example: ``store = PostgresStore.from_conn_string("postgresql://user:password@host/database")``

    Tables are created at the first use; ``setup()`` may be called and does nothing. No extension is needed.

    Args:
        conn: A URL, an engine of ``create_async_engine``, or a store. A connection or a pool of psycopg cannot be used.
        options: As for `SessionStore`.

    Raises:
        TypeError: `conn` is something else.
    """

    def __init__(self, conn: str | AsyncEngine | Store, **options: Any) -> None:
        if is_of_psycopg(conn):
            raise TypeError(
                f"a {type(conn).__name__} of psycopg cannot be used: this store has connections of its own. Nothing "
                "was opened. Pass the URL that it was made with: PostgresStore.from_conn_string(url)."
            )
        super().__init__(conn, **options)

    @classmethod
    def from_conn_string(
        cls, conn_string: str, *, pipeline: bool = False, pool_config: object = None, **options: Any
    ) -> Self:
        """Return a store on a database, which also works in ``with``.

        Example: ``store = PostgresStore.from_conn_string("postgresql://user:password@host/database")``

        Args:
            conn_string: The URL.
            pipeline: Accepted, as LangGraph's stores have it, without an effect.
            pool_config: The same; use ``engine_kwargs={"pool_size": 10}``.
            options: As for `SessionStore`: ``index``, ``ttl``, ``schema`` and so on.
        """
        del pipeline, pool_config
        return cls(conn_string, **options)


class InMemoryStore(SessionStore):
    """A `SessionStore` in memory, which ends with the store.

    Example: ``graph = builder.compile(store=InMemoryStore())``

    Args:
        options: As for `SessionStore`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(IN_MEMORY, **options)


class _AwaitedSweeps(SessionStore):
    """The methods about expiry as LangGraph's asynchronous stores have them: they are awaited."""

    async def sweep_ttl(self) -> int:  # type: ignore[override] # that is the difference
        """Remove expired memories physically, and return their number. The store also does it by itself.

        Example: ``removed = await store.sweep_ttl()``
        """
        return await self.memories.purge_expired()

    async def start_ttl_sweeper(  # type: ignore[override] # as above
        self, sweep_interval_minutes: float | None = None
    ) -> asyncio.Task[None]:
        """Do nothing, as expired memories are gone at once, and removed by themselves. Return a task that ends.

        Example: ``await store.start_ttl_sweeper()``
        """
        del sweep_interval_minutes
        return asyncio.create_task(asyncio.sleep(0))

    async def stop_ttl_sweeper(self, timeout: float | None = None) -> bool:  # type: ignore[override] # noqa: ASYNC109 - theirs
        """Do nothing: the store needs no sweeper.

        Example: ``await store.stop_ttl_sweeper()``
        """
        del timeout
        return True


class AsyncSqliteStore(_AwaitedSweeps, SqliteStore):
    """`SqliteStore` whose methods about expiry are awaited. Either class serves sync and async nodes.

    Example: ``async with AsyncSqliteStore.from_conn_string("memories.db") as store: ...``
    """


class AsyncPostgresStore(_AwaitedSweeps, PostgresStore):
    """`PostgresStore` whose methods about expiry are awaited. Either class serves sync and async nodes.

    Example: ``async with AsyncPostgresStore.from_conn_string("postgresql://db/memories") as store: ...``
    """

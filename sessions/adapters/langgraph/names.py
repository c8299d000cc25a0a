"""The names that people know from LangGraph's savers, for `SessionSaver`."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final, Self

from sessions.adapters.langgraph.saver import SessionSaver

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

    from sessions.store.store import Store

IN_MEMORY: Final = "sqlite://"


class SqliteSaver(SessionSaver):
    """A `SessionSaver` on a SQLite file, by a path: it can be handed to `compile`, and works in ``with``.

    Example: ``saver = SqliteSaver.from_conn_string("agent_state.db")``

    Args:
        conn: A path, ``":memory:"``, a URL ``sqlite:///…``, a store, or a connection of `sqlite3`, whose file is opened
            anew; of a connection to a database in memory, one of the saver's own.
        options: As for `SessionSaver`.

    Raises:
        TypeError: `conn` is something else.
    """

    def __init__(self, conn: str | Path | sqlite3.Connection | Store, **options: Any) -> None:
        super().__init__(sqlite_source(conn), **options)

    @classmethod
    def from_conn_string(cls, conn_string: str | Path, **options: Any) -> Self:
        """Return a saver on a file.

        Example: ``graph = builder.compile(checkpointer=SqliteSaver.from_conn_string("agent_state.db"))``

        Args:
            conn_string: A path, ``":memory:"``, or a URL ``sqlite:///…``.
            options: As for `SessionSaver`: ``serde``, ``types``, ``ttl`` and so on.
        """
        return cls(conn_string, **options)


class PostgresSaver(SessionSaver):
    """A `SessionSaver` on Postgres, by a URL: it can be handed to `compile`, and works in ``with``.

    Example: ``saver = PostgresSaver.from_conn_string("postgresql://user:password@host/database")``

    Tables are created at the first use; ``setup()`` may be called and does nothing.

    Args:
        conn: A URL, an engine of ``create_async_engine``, or a store. A connection or a pool of psycopg cannot be used.
        options: As for `SessionSaver`.

    Raises:
        TypeError: `conn` is something else.
    """

    def __init__(self, conn: str | AsyncEngine | Store, **options: Any) -> None:
        if is_of_psycopg(conn):
            raise TypeError(
                f"a {type(conn).__name__} of psycopg cannot be used: this saver has connections of its own. Nothing "
                "was opened. Pass the URL that the pool was made with: PostgresSaver.from_conn_string(url)."
            )
        super().__init__(conn, **options)

    @classmethod
    def from_conn_string(cls, conn_string: str, *, pipeline: bool = False, **options: Any) -> Self:
        """Return a saver on a database.

        Example: ``saver = PostgresSaver.from_conn_string("postgresql://user:password@host/database")``

        Args:
            conn_string: The URL.
            pipeline: Accepted, as LangGraph's savers have it; each call takes one round trip anyway.
            options: As for `SessionSaver`: ``serde``, ``types``, ``schema``, ``ttl`` and so on.
        """
        del pipeline
        return cls(conn_string, **options)


class InMemorySaver(SessionSaver):
    """A `SessionSaver` in memory, which ends with the saver.

    Example: ``graph = builder.compile(checkpointer=InMemorySaver())``

    Args:
        options: As for `SessionSaver`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(IN_MEMORY, **options)


AsyncSqliteSaver = SqliteSaver
AsyncPostgresSaver = PostgresSaver
MemorySaver = InMemorySaver


def sqlite_source(conn: object) -> Any:
    """Return the source for `open_store` of a connection, a path or a URL of SQLite; anything else unchanged."""
    if isinstance(conn, sqlite3.Connection):
        with closing(conn.execute("pragma database_list")) as rows:
            files = {name: file for _, name, file in rows}
        return _sqlite_url(files["main"] or ":memory:")
    if isinstance(conn, (str, os.PathLike)):
        return _sqlite_url(os.fspath(conn))
    if type(conn).__module__.partition(".")[0] == "aiosqlite":
        raise TypeError(
            "a connection of aiosqlite does not tell its file. Nothing was opened. Pass the path: "
            'SqliteSaver.from_conn_string("agent_state.db").'
        )
    return conn


def _sqlite_url(path: str) -> str:
    if "://" in path:
        return path
    return IN_MEMORY if path in ("", ":memory:") else f"sqlite:///{path}"


def is_of_psycopg(conn: object) -> bool:
    """Tell whether this is a connection or a pool of psycopg."""
    return any(base.__module__.partition(".")[0] in ("psycopg", "psycopg_pool") for base in type(conn).__mro__)

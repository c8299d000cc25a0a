"""Sides: each does what a graph asks of its saver, and tells how many bytes its database has."""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

import psycopg
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver

from benchmarks.on_checkpoints.workloads import CONFIG, SERDE
from sessions.adapters.langgraph import SessionSaver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.on_checkpoints.workloads import Call

_BYTES: Final = os.urandom(4 << 20)
"""Bytes that no database makes smaller."""

NOBODY: Final[Any] = {"configurable": {"thread_id": "nobody", "checkpoint_ns": ""}}


class Side(Protocol):
    """One side on a database of its own."""

    def do(self, call: Call) -> None:
        """Do what a graph asks."""

    def read(self) -> None:
        """Read the thread's latest state."""


class Limit:
    """A table with a row and a commit for each call, which holds only what is new in it; and the last state, whole."""

    def __init__(self, execute: Callable[..., Any], marker: str, *, is_postgres: bool) -> None:
        self._execute = execute
        kind, number = ("bytea", "bigserial") if is_postgres else ("blob", "integer")
        execute(f"create table rows (id {number} primary key, data {kind})")
        execute(f"create table states (id {number} primary key, data {kind})")
        self._insert = f"insert into rows (data) values ({marker})"  # noqa: S608 - a driver's marker
        self._keep = f"insert into states (data) values ({marker})"  # noqa: S608 - as above

    def do(self, call: Call) -> None:
        """Store what is new."""
        self._execute(self._insert, (_BYTES[: call.size],))

    def keep(self, state: Any) -> None:
        """Store a state to be read."""
        self._execute(self._keep, (SERDE.dumps_typed(state)[1],))

    def read(self) -> None:
        """Read it."""
        (data,) = self._execute("select data from states order by id desc limit 1").fetchone()
        SERDE.loads_typed(("msgpack", bytes(data)))


class _Saver:
    """A saver of LangGraph's interface."""

    def __init__(self, saver: Any) -> None:
        self.saver = saver

    def do(self, call: Call) -> None:
        """Do it."""
        getattr(self.saver, call.name)(*call.arguments)

    def read(self) -> None:
        """Read it."""
        self.saver.get_tuple(CONFIG)


class OnSQLite:
    """New sides on SQLite files; leaving it closes them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self.peer = "SqliteSaver"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def limit(self) -> Limit:
        """Python's own driver."""
        connection = self._connection("limit")
        return Limit(connection.execute, "?", is_postgres=False)

    def ours(self, **options: Any) -> _Saver:
        """`SessionSaver`, with the tables made."""
        saver = self._stack.enter_context(closing(SessionSaver(f"sqlite:///{self._folder}/ours.db", **options)))
        saver.get_tuple(NOBODY)
        return _Saver(saver)

    def theirs(self, **options: Any) -> _Saver:
        """LangGraph's."""
        saver = SqliteSaver(self._connection("theirs"), **options)
        saver.setup()
        saver.conn.execute("pragma synchronous = full")
        return _Saver(saver)

    def size(self, name: str) -> int:
        """Return the bytes of a side's file, with all that is committed in it."""
        path = self._folder / f"{name}.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("pragma wal_checkpoint(truncate)")
        return path.stat().st_size

    def _connection(self, name: str) -> sqlite3.Connection:
        connection = sqlite3.connect(self._folder / f"{name}.db", isolation_level=None, check_same_thread=False)
        self._stack.callback(connection.close)
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        return connection


class OnPostgres:
    """New sides on databases of a server."""

    def __init__(self, new_database: Callable[[], str]) -> None:
        self._new_database = new_database
        self._urls: dict[str, str] = {}
        self._stack = ExitStack()
        self.peer = "PostgresSaver"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def limit(self) -> Limit:
        """psycopg, prepared."""
        connection = self._stack.enter_context(psycopg.connect(self._url("limit"), autocommit=True))
        return Limit(lambda *given: connection.execute(*given, prepare=True), "%s", is_postgres=True)

    def ours(self, **options: Any) -> _Saver:
        """`SessionSaver`, with the tables made."""
        self._url("ours")
        saver = self._stack.enter_context(closing(SessionSaver(self._urls["ours"], **options)))
        saver.get_tuple(NOBODY)
        return _Saver(saver)

    def theirs(self) -> _Saver:
        """LangGraph's."""
        saver = self._stack.enter_context(PostgresSaver.from_conn_string(self._url("theirs")))
        saver.setup()
        return _Saver(saver)

    def size(self, name: str) -> int:
        """Return the bytes of a side's database."""
        with psycopg.connect(self._plain(name), autocommit=True) as connection:
            connection.execute("checkpoint")
            row = connection.execute("select pg_database_size(current_database())").fetchone()
        assert row is not None
        return int(row[0])

    def _url(self, name: str) -> str:
        self._urls[name] = self._new_database()
        return self._plain(name)

    def _plain(self, name: str) -> str:
        return self._urls[name].replace("postgresql+asyncpg", "postgresql")

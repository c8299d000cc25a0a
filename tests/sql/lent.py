"""Databases with our tables, lent to one test after another: emptying one takes milliseconds, making it seconds."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import psycopg
import pymysql
import pytest
from pymysql.constants.CLIENT import MULTI_STATEMENTS
from sqlalchemy import make_url

from sessions.db.component import Component
from sessions.db.engines.backend import SQLAlchemyBackend
from sessions.db.engines.of_loop import EngineOfLoop
from sessions.sqlalchemy import metadata
from sessions.tables import SCHEMAS
from tests.lived_in import move_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .servers import MariaDB, Postgres

    Execute: TypeAlias = Callable[[str], Sequence[Sequence[Any]]]

_TABLES: Final = tuple(metadata().tables)
_OF_THE_STORE: Final = {"agent_log_schema", "agent_store_settings"}
"""The tables that have rows in a database without sessions."""


class Lent:
    """The databases of one server that are ready to be lent."""

    def __init__(self, server: Postgres | MariaDB) -> None:
        self._server = server
        self._ready: list[str] = []
        self._scripts: dict[bool, str] = {}

    @contextmanager
    def lend(self, *, stays: bool) -> Iterator[str]:
        """Lend a database; the session that was there before `stays`, or is gone."""
        while self._ready:
            if self._empty(url := self._ready.pop(), stays=stays):
                break
        else:
            self._empty(url := self._make(), stays=stays)
        yield url
        self._ready.append(url)

    def _make(self) -> str:
        url = self._server.new_database(keep=True)
        with pytest.MonkeyPatch.context() as patch:
            move_in(patch, stays=True)
            with ThreadPoolExecutor(1) as thread:  # Here, an event loop may be running.
                thread.submit(asyncio.run, _make_tables(url)).result()
        with _connected(url) as execute:
            rows = {name: execute(f"select * from {name}") for name in _TABLES}  # noqa: S608 - our tables
        for stays in (False, True):
            self._scripts[stays] = _script(
                {name: found if stays or name in _OF_THE_STORE else () for name, found in rows.items()},
                is_postgres=url.startswith("postgresql"),
            )
        return url

    def _empty(self, url: str, *, stays: bool) -> bool:
        """Bring a database back to how it was made; return False, and drop it, where a test changed its tables."""
        with _connected(url) as execute:
            if url.startswith("postgresql"):
                there = execute(f"{_END_OTHERS}; {_NAMES}")
            else:
                for (number,) in execute(_OTHERS):
                    with suppress(pymysql.OperationalError):  # It has ended meanwhile.
                        execute(f"kill {number}")
                there = execute("show tables")
            if as_made := {name for (name,) in there} == set(_TABLES):
                execute(self._scripts[stays])
        if not as_made:
            self._server.drop([str(make_url(url).database)])
        return as_made


# Connections that a test left may hold locks.
_END_OTHERS: Final = """
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
"""
_NAMES: Final = "select tablename from pg_tables where schemaname = current_schema()"
_OTHERS: Final = "select id from information_schema.processlist where db = database() and id <> connection_id()"


async def _make_tables(url: str) -> None:
    components = [Component(schema) for schema in SCHEMAS]
    backend = SQLAlchemyBackend(EngineOfLoop(url), create_tables=True, components=components)
    await backend.migrate()
    await backend.aclose()


def _script(rows: dict[str, Sequence[Sequence[Any]]], *, is_postgres: bool) -> str:
    """Return statements that leave these rows in our tables, and no others, to be sent at once."""
    statements = [f"delete from {name}" for name in rows]  # noqa: S608 - our tables
    for name, found in rows.items():
        for row in found:
            values = ", ".join(_literal(value, is_postgres=is_postgres) for value in row)
            statements.append(f"insert into {name} values ({values})")  # noqa: S608 - as above
    return "; ".join(["begin", *statements, "commit"])


def _literal(value: Any, *, is_postgres: bool) -> str:
    if value is None:
        return "null"
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'" if is_postgres else f"x'{value.hex()}'"
    if isinstance(value, str):
        assert not set("'\\") & set(value)
        return f"'{value}'"
    return str(int(value))


@contextmanager
def _connected(url: str) -> Iterator[Execute]:
    """Connect by a driver without an event loop; yield a function that executes statements, several at once."""
    where: Any = make_url(url)
    place = {"host": where.host, "port": where.port, "user": where.username}
    if where.get_backend_name() == "postgresql":
        with psycopg.connect(**place, dbname=where.database, autocommit=True) as connection:
            yield lambda statements: _rows_of_last(connection.execute(statements))
        return
    with (
        closing(
            pymysql.connect(**place, database=where.database, client_flag=MULTI_STATEMENTS, charset="utf8mb4")
        ) as connection,
        connection.cursor() as cursor,
    ):

        def execute(statements: str) -> Sequence[Sequence[Any]]:
            cursor.execute(statements)
            return _rows_of_last(cursor)

        yield execute


def _rows_of_last(cursor: Any) -> Sequence[Sequence[Any]]:
    """Return the rows of the last of some statements."""
    while cursor.nextset():
        pass
    return cursor.fetchall() if cursor.description else ()

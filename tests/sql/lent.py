"""Databases with our tables, lent to one test after another: emptying one takes milliseconds, making it seconds."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy import create_engine, inspect, make_url, select, text

from sessions.db.component import Component
from sessions.db.engines.backend import SQLAlchemyBackend
from sessions.db.engines.of_loop import EngineOfLoop
from sessions.sqlalchemy import metadata
from sessions.tables import SCHEMAS
from tests.lived_in import move_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection, Table

    from .servers import MariaDB, Postgres

    Rows = Mapping[str, list[dict[str, Any]]]

_TABLES: Final[Mapping[str, Table]] = metadata().tables
_OF_THE_STORE: Final = {"agent_log_schema", "agent_store_settings"}
"""The tables that have rows in a database without sessions."""


class Lent:
    """The databases of one server that are ready to be lent."""

    def __init__(self, server: Postgres | MariaDB) -> None:
        self._server = server
        self._ready: list[str] = []
        self._rows: Rows = {}

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
        with _connected(url) as connection:
            self._rows = {
                name: [dict(row) for row in connection.execute(select(table)).mappings()]
                for name, table in _TABLES.items()
            }
        return url

    def _empty(self, url: str, *, stays: bool) -> bool:
        """Bring a database back to how it was made; return False, and drop it, where a test changed its tables."""
        with _connected(url) as connection:
            _end_others(connection)
            if as_made := set(inspect(connection).get_table_names()) == set(_TABLES):
                for name, table in _TABLES.items():
                    connection.execute(table.delete())
                    if self._rows[name] and (stays or name in _OF_THE_STORE):
                        connection.execute(table.insert(), self._rows[name])
        if not as_made:
            self._server.drop([str(make_url(url).database)])
        return as_made


async def _make_tables(url: str) -> None:
    components = [Component(schema) for schema in SCHEMAS]
    backend = SQLAlchemyBackend(EngineOfLoop(url), create_tables=True, components=components)
    await backend.migrate()
    await backend.aclose()


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    """Connect by a driver without an event loop, and commit."""
    driver = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}
    engine = create_engine(make_url(url).set(drivername=driver[make_url(url).get_backend_name()]))
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _end_others(connection: Connection) -> None:
    """End connections that a test left, as they may hold locks."""
    if connection.dialect.name == "postgresql":
        query = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        connection.execute(text(f"select pg_terminate_backend(pid) {query}"))
    else:
        query = "select id from information_schema.processlist where db = database() and id <> connection_id()"
        for (number,) in connection.execute(text(query)).all():
            connection.execute(text(f"kill {number}"))

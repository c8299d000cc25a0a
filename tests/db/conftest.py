"""Databases with the key-value table, each as its users hold it: by a path, or by a URL."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from sessions.db.engines.backend import SQLAlchemyBackend
from sessions.db.engines.of_loop import EngineOfLoop
from sessions.db.sqlite.backend import SQLiteBackend

from .key_values import KEY_VALUES

if TYPE_CHECKING:
    from pathlib import Path

    from sessions.db import Backend
    from tests.sql.servers import MariaDB, Postgres

_TABLES: Final = {
    "sqlite": "name text primary key, value blob not null, version integer not null, until integer",
    "postgres": "name text primary key, value bytea not null, version bigint not null, until bigint",
    "mariadb": "name varbinary(255) primary key, value longblob not null, version bigint not null, until bigint",
}


@dataclass
class Place:
    """A database with the table."""

    kind: str
    where: Any
    server: Postgres | MariaDB | None = None

    def backend(self, **options: Any) -> Backend:
        """Return a hold on the database, of its own."""
        if self.server is None:
            return SQLiteBackend(self.where, components=[KEY_VALUES])
        return SQLAlchemyBackend(EngineOfLoop(self.where), create_tables=True, components=[KEY_VALUES], **options)


async def _place(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    create = f"create table key_values ({_TABLES[kind]})"
    if kind == "sqlite":
        path = tmp_path / "values.db"
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute(create)
        return Place(kind, path)
    server: Postgres | MariaDB = request.getfixturevalue(kind)
    place = Place(kind, server.new_database(), server)
    engine = create_async_engine(place.where)
    async with engine.begin() as connection:
        await connection.execute(text(create))
    await engine.dispose()
    return place


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """On each kind of database."""
    return await _place(request.param, request, tmp_path)


@pytest.fixture(params=["postgres", "mariadb"])
async def place_on_server(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """On each kind of server."""
    return await _place(request.param, request, tmp_path)

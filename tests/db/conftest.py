"""Databases for the key-value component, each as its users hold it: by a path, or by a URL."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from sessions.db.engines.backend import SQLAlchemyBackend
from sessions.db.engines.of_loop import EngineOfLoop
from sessions.db.sqlite.backend import SQLiteBackend

from .key_values import KEY_VALUES
from .lists import LISTS

if TYPE_CHECKING:
    from pathlib import Path

    from sessions.db import Backend
    from sessions.db.component import Component
    from tests.sql.servers import MariaDB, Postgres


@dataclass
class Place:
    """A new database."""

    kind: str
    where: Any
    server: Postgres | MariaDB | None = None
    component: Component = KEY_VALUES

    @property
    def url(self) -> str:
        """Its URL."""
        return f"sqlite+aiosqlite:///{self.where}" if self.server is None else str(self.where)

    def backend(self, **options: Any) -> Backend:
        """Return a hold on the database, of its own."""
        if self.server is None:
            return SQLiteBackend(self.where, components=[self.component])
        return SQLAlchemyBackend(EngineOfLoop(self.where), create_tables=True, components=[self.component], **options)


def _place(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if kind == "sqlite":
        return Place(kind, tmp_path / "values.db")
    server: Postgres | MariaDB = request.getfixturevalue(kind)
    return Place(kind, server.new_database(), server)


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """On each kind of database."""
    return _place(request.param, request, tmp_path)


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def place_of_lists(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """On each kind of database, for the component of lists."""
    return replace(_place(request.param, request, tmp_path), component=LISTS)


@pytest.fixture(params=["postgres", "mariadb"])
def place_on_server(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """On each kind of server."""
    return _place(request.param, request, tmp_path)

"""Servers, started once for all tests of a worker, and the databases that they give to a test."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sessions import SQLAlchemySession, SQLiteSession

from .servers import MariaDB, NotInstalledError, Postgres, end_with_us, running_mariadb, running_postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sessions.testing import MakeLogSession

    Lend = Callable[[Postgres | MariaDB], str]

_PUBLIC_FOLDER = "SESSIONS_PUBLIC_FOLDER"

_started: list[Postgres | MariaDB] = []


def is_contract(request: pytest.FixtureRequest) -> bool:
    """Tell whether a test is of a contract, which shows that it touches no session but its own."""
    return bool(request.path.name.endswith("contract.py"))


def drop_old_databases() -> None:
    """Drop, now and then, the databases that tests made for themselves."""
    for server in _started:
        server.drop_old()


def make_public_folder(config: pytest.Config) -> None:
    """Make the folder of a run's servers, for all its workers; it goes when they have ended."""
    if not hasattr(config, "workerinput"):  # A worker's environment has it.
        folder = tempfile.mkdtemp(prefix="sessions-servers-")
        end_with_us(Path(folder))
        Path(folder).chmod(0o755)
        os.environ[_PUBLIC_FOLDER] = folder
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


@pytest.fixture(scope="session")
def public_folder() -> Path:
    """A folder that the servers' users can reach; pytest's own is closed to others."""
    return Path(os.environ[_PUBLIC_FOLDER])


@pytest.fixture(scope="session")
def postgres(public_folder: Path, worker_id: str) -> Iterator[Postgres]:
    try:
        with running_postgres(public_folder / f"postgres-{worker_id}") as server:
            _started.append(server)
            yield server
            _started.remove(server)
    except NotInstalledError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def mariadb(public_folder: Path, worker_id: str) -> Iterator[MariaDB]:
    try:
        with running_mariadb(public_folder / f"mariadb-{worker_id}") as server:
            _started.append(server)
            yield server
            _started.remove(server)
    except NotInstalledError as error:
        pytest.skip(str(error))


@pytest.fixture
def lend(request: pytest.FixtureRequest) -> Iterator[Lend]:
    """Returns the URL of a database with our tables and without sessions, the test's own until it ends."""
    with ExitStack() as until_the_end:
        yield lambda server: until_the_end.enter_context(server.lent.lend(stays=is_contract(request)))


@pytest.fixture(params=["postgres", "mariadb", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path, lend: Lend) -> str:
    """The URL of a database without sessions, which has our tables if it is on a server; on each kind of server."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/sessions.db"
    return lend(request.getfixturevalue(request.param))


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database of each kind; SQLite's without SQLAlchemy."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/sessions.db"
    lend: Lend = request.getfixturevalue("lend")
    return lend(request.getfixturevalue(request.param))


def sessions_at(url: str) -> MakeLogSession:
    """Return a function that makes sessions in a database of `url` or `anywhere`."""
    if url.startswith("sqlite:"):
        path = url.removeprefix("sqlite:///")
        return lambda session_id, **settings: SQLiteSession(session_id, path, **settings)
    return lambda session_id, **settings: SQLAlchemySession.from_url(
        session_id, url=url, create_tables=True, **settings
    )


@pytest.fixture(params=["postgres", "mariadb", "sqlite"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables, on each kind of server."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/sessions.db"
    server: Postgres | MariaDB = request.getfixturevalue(request.param)
    return server.new_database()

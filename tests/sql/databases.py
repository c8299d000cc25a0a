"""Servers, started once for all tests of a worker, with a new database for each test."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .servers import MariaDB, NotInstalledError, Postgres, running_mariadb, running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

_PUBLIC_FOLDER = "SESSIONS_PUBLIC_FOLDER"


def make_public_folder(config: pytest.Config) -> None:
    """Make the folder of a run's servers, for all its workers; it goes when they have ended."""
    if not hasattr(config, "workerinput"):  # A worker's environment has it.
        folder = tempfile.mkdtemp(prefix="sessions-servers-")
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
            yield server
    except NotInstalledError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def mariadb(public_folder: Path, worker_id: str) -> Iterator[MariaDB]:
    try:
        with running_mariadb(public_folder / f"mariadb-{worker_id}") as server:
            yield server
    except NotInstalledError as error:
        pytest.skip(str(error))


@pytest.fixture(params=["postgres", "mariadb", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new, empty database, on each kind of server."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/sessions.db"
    server: Postgres | MariaDB = request.getfixturevalue(request.param)
    return server.new_database()

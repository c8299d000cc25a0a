"""Servers, started once for all tests, with a new database for each test."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .servers import MariaDB, NotInstalledError, Postgres, running_mariadb, running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def public_folder() -> Iterator[Path]:
    """A folder that the servers' users can reach; pytest's own is closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="sessions-servers-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(public_folder: Path) -> Iterator[Postgres]:
    try:
        with running_postgres(public_folder / "postgres") as server:
            yield server
    except NotInstalledError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def mariadb(public_folder: Path) -> Iterator[MariaDB]:
    try:
        with running_mariadb(public_folder / "mariadb") as server:
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

"""`python -m sessions migrate`: typical mistakes are one line each, without the password. See also test_schema_life."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sessions import open_store

from .servers import free_port

if TYPE_CHECKING:
    from .servers import MariaDB, Postgres

_SECRET = "pass-the-canary"  # noqa: S105 - no server asks for it


def _migrate(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sessions", "migrate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)


def _fails(url: str, *arguments: str, code: int = 2) -> str:
    """Return the one line that says what is wrong."""
    done = _migrate(url, *arguments)
    assert done.returncode == code
    assert done.stdout == ""
    assert _SECRET not in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"postgresql+pg8000://somebody:{_SECRET}@127.0.0.1:1/nowhere", "is synchronous, not asynchronous"),
        (f"postgresql+psycopg2://somebody:{_SECRET}@127.0.0.1:1/nowhere", "is synchronous, not asynchronous"),
        (f"mysql+pymysql://somebody:{_SECRET}@127.0.0.1:1/nowhere", "is synchronous, not asynchronous"),
        (f"mysql+mysqlclient://somebody:{_SECRET}@127.0.0.1:1/nowhere", "is synchronous, not asynchronous"),
        (f"postgresql+nope://somebody:{_SECRET}@127.0.0.1:1/nowhere", "no driver is known for postgresql+nope://"),
        (f"nope://somebody:{_SECRET}@127.0.0.1:1/nowhere", "no driver is known for nope://"),
        ("sqlite+pysqlite:///nowhere.db", "the driver of sqlite+pysqlite:// is synchronous, not asynchronous"),
    ],
)
def test_a_driver_that_cannot_be_used(url: str, expected: str) -> None:
    """
    Fails without: db/sqlalchemy/urls.py, `_check_driver`.
    """
    line = _fails(url)
    assert expected in line
    assert "Use postgresql+asyncpg://, mysql+aiomysql:// or sqlite+aiosqlite://" in line


def test_a_url_of_open_store_for_sqlite() -> None:
    done = _migrate("sqlite:///nowhere.db")
    assert (done.returncode, done.stderr) == (0, "")
    assert "the tables are made at the first operation" in done.stdout


@pytest.mark.parametrize(
    "url", [_SECRET, "", f"postgresql+asyncpg://somebody:{_SECRET}", f"sqlite+aiosqlite://somebody:{_SECRET}@127.0.0.1"]
)
def test_what_is_no_url(url: str) -> None:
    """SQLAlchemy takes a password before which there is no user for a port, and its error shows it.

    Fails without: db/sqlalchemy/urls.py, `except (ArgumentError, ValueError)`.
    """
    assert "url is not the URL of a database" in _fails(url)


@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_a_wrong_user_password_or_database(request: pytest.FixtureRequest, kind: str) -> None:
    """
    Fails without: db/sqlalchemy/errors.py, `"28000"` and `1045: Trouble.NOT_LET_IN`, `"3D000"` and `1049`.
    """
    server: Postgres | MariaDB = request.getfixturevalue(kind)
    scheme = "postgresql+asyncpg" if kind == "postgres" else "mysql+aiomysql"
    user = "postgres" if kind == "postgres" else "root"
    for who in (f"no_such_user:{_SECRET}", f"{user}:{'' if kind == 'mariadb' else _SECRET}"):
        line = _fails(f"{scheme}://{who}@127.0.0.1:{server.port}/no_such_database", code=3)
        assert f"127.0.0.1:{server.port}/no_such_database refused the login. " in line
        assert "no_such_user" not in line


def test_a_server_that_is_not_there() -> None:
    """Soon it is said that it is waited for, and in the end that it was in vain."""
    port = free_port()
    done = _migrate(f"postgresql+asyncpg://somebody:{_SECRET}@127.0.0.1:{port}/nowhere")
    warning, line = done.stderr.splitlines()
    assert f"host 127.0.0.1, port {port} is unreachable" in warning
    assert "is unreachable" in line
    assert "the last error was ConnectionRefusedError" in line
    assert _SECRET not in done.stderr


def test_options_of_the_driver(postgres: Postgres) -> None:
    """
    Fails without: sessions/cli/common/urls.py, `json.loads(value)` (asyncpg wants a number); `TypeError`.
    """
    url = postgres.new_database()
    settings = '--connect-arg=server_settings={"application_name": "the command"}'
    done = _migrate(url, "--connect-arg=statement_cache_size=0", settings, "--connect-arg=ssl=prefer")
    assert (done.returncode, done.stderr) == (0, "")
    assert "nonsense" in _fails(url, "--connect-arg=nonsense=1")
    wrong = _migrate(url, "--connect-arg=nonsense")
    assert wrong.returncode == 2
    assert "write an option of the driver as NAME=VALUE" in wrong.stderr


def test_a_store_says_the_same(tmp_path: object) -> None:
    """
    Fails without: db/sqlalchemy/urls.py, the `except`s in `_check_driver`.
    """
    with pytest.raises(ValueError, match="no driver is known") as caught:
        open_store(f"postgresql+nope://{_SECRET}@127.0.0.1/{tmp_path}")
    assert _SECRET not in str(caught.value)

"""A server that cannot be reached is told of soon and once; what no waiting changes is raised at once."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.engine import make_url

from sessions import SQLAlchemySession, open_store
from sessions.db.sqlalchemy import retry
from sessions.errors import StoreError, StoreUnreachableError
from tests.sql.network import message
from tests.sql.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessions import LogSession
    from tests.sql.servers import MariaDB, Postgres

DRIVERS = ["postgresql+asyncpg", "postgresql+psycopg", "mysql+aiomysql", "mysql+asyncmy"]


@pytest.fixture(params=["refuses", "says nothing"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """A port where nobody listens, or somebody who never answers."""
    if request.param == "refuses":
        yield free_port()
        return
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield silent.getsockname()[1]


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return a list that gets an element for each operation that is tried, however often."""
    tried: list[object] = []
    original = retry.retry

    async def counted(*arguments: Any, **named: Any) -> Any:
        tried.append(arguments)
        return await original(*arguments, **named)

    monkeypatch.setattr("sessions.db.sqlalchemy.database.retry", counted)
    return tried


@pytest.mark.parametrize("driver", DRIVERS)
async def test_it_is_told_once_and_tried_until_the_deadline(
    driver: str, port: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Those that wait until the first one has looked at the schema do not each take as long again.

    Fails without: db/sqlalchemy/deadline.py, `_look`; db/sqlalchemy/retry.py, `telling`; db/sqlalchemy/errors.py,
    `_LIBPQ`; db/sqlalchemy/turns.py, `check`; db/sqlalchemy/outage.py, `_ENOUGH`.
    """
    tried = _counted(monkeypatch)
    caplog.set_level(logging.WARNING, logger="sessions")
    began = time.time()
    async with open_store(f"{driver}://user:canary@127.0.0.1:{port}/db", retry_timeout=4) as store:
        tasks = [asyncio.create_task(store.session(str(number)).get_items()) for number in range(3)]
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert time.time() - began >= 4
    for result in results:
        assert isinstance(result, StoreUnreachableError)
        assert re.search(rf"127\.0\.0\.1:{port}/db is unreachable.*\(tried", str(result))
    assert len(tried) == 1
    told = [record for record in caplog.records if record.name == "sessions"]
    assert len(told) == 1
    assert told[0].levelname == "WARNING"
    assert f"host 127.0.0.1, port {port} is unreachable" in told[0].getMessage()
    assert "canary" not in caplog.text


@pytest.mark.parametrize("operation", ["get_items", "add_items", "lease"])
async def test_the_time_is_spent_once(operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    An error of an unreachable server is not explained by reading from it, nor a lease given back that was never taken.

    Fails without: session/leases.py, `take`; errors/database.py, `StoreUnreachableError`.
    """

    async def try_it(session: LogSession) -> None:
        if operation == "get_items":
            await session.get_items()
        elif operation == "add_items":
            await session.add_items([message("1")])
        else:
            async with session.lease():
                pytest.fail("there is no server")

    tried = _counted(monkeypatch)
    async with open_store(f"postgres://127.0.0.1:{free_port()}/db", retry_timeout=0) as store:
        with pytest.raises(StoreUnreachableError):
            await try_it(store.session("s"))
    assert len(tried) == 1


async def test_a_deadline_of_none_is_no_second_try() -> None:
    session = SQLAlchemySession.from_url("s", url=f"postgres://127.0.0.1:{free_port()}/db", retry_timeout=0)
    with pytest.raises(StoreError, match="tried once"):
        await session.get_items()
    await session.aclose()


@pytest.mark.parametrize("seconds", [-1, 601, float("nan"), "1", None, True])
def test_a_deadline_that_is_none_is_refused(seconds: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="retry_timeout"):
        open_store("postgres://127.0.0.1/db", retry_timeout=seconds)


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("wrong", ["user", "database", "TLS"])
async def test_what_waiting_does_not_change(
    request: pytest.FixtureRequest, driver: str, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Fails without: db/sqlalchemy/errors.py, `_LIBPQ` and `_by_cause`; db/sqlalchemy/severing.py, `check_tls`.
    """
    is_postgres = driver.startswith("postgres")
    server: Postgres | MariaDB = request.getfixturevalue("postgres" if is_postgres else "mariadb")
    url = make_url(server.new_database()).set(drivername=driver)
    if wrong == "user":
        url = url.set(username="no_such_user", password="canary")  # noqa: S106 - it is wrong
    elif wrong == "database":
        url = url.set(database="no_such_database")
    else:
        url = url.update_query_dict({"sslmode": "require"})
    async with open_store(url.render_as_string(hide_password=False), create_tables=True) as store:
        expected = "TLS" if wrong == "TLS" else "refused the login"
        with pytest.raises(StoreError, match=rf"{expected}.*tried once"):
            await store.session("s").add_items([message("1")])
    assert not [record for record in caplog.records if record.name == "sessions"]

"""Connections end while nobody uses them, servers restart and go away, databases give transactions up."""

from __future__ import annotations

import asyncio
import logging
import re
import traceback
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import SQLAlchemySession, open_store
from sessions.db.dialect import PREFIX
from sessions.db.postgres.database import AsyncpgDatabase
from sessions.db.sqlalchemy import retry
from sessions.db.sqlalchemy.deadline import Deadline
from sessions.errors import StoreError

from .network import message

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .network import Network
    from .servers import MariaDB, Postgres

_CONNECTIONS = 25
"""More than an operation is tried: those that ended must not be tried one by one."""

_POOL = {"pool_size": _CONNECTIONS}

_CANARY = "canary-in-the-message"
_PASSWORD = "pass-the-canary"  # noqa: S105 - no server asks for it
_USER = "canary_user"


@pytest.fixture(params=["own engine", "url"])
async def session_of(request: pytest.FixtureRequest) -> Any:
    """Makes a session from a URL in each of the two ways."""
    ends: list[Callable[[], Awaitable[None]]] = []

    def make(url: str) -> SQLAlchemySession:
        if request.param == "url":
            session = SQLAlchemySession.from_url("s", url=url, engine_kwargs=_POOL, create_tables=True)
            ends.append(session._sql.aclose)
            return session
        engine = create_async_engine(url, **_POOL)
        ends.append(engine.dispose)
        return SQLAlchemySession("s", engine=engine, create_tables=True)

    yield make
    for end in ends:
        await end()


async def _fill_pool(session: SQLAlchemySession) -> None:
    """Have the pool hold as many connections as it may."""
    connections = [await session.engine.connect() for _ in range(_CONNECTIONS)]
    for connection in connections:
        await connection.close()


async def _use_in_every_way(session: SQLAlchemySession, end_connections: Callable[[], None]) -> None:
    end_connections()
    await session.add_items([message("1"), message("2")])
    for operation, result in ((session.get_items, [message("1"), message("2")]), (session.pop_item, message("2"))):
        await _fill_pool(session)
        end_connections()
        # The end of a connection is news only when the loop has read it.
        await asyncio.sleep(0.2)
        assert await operation() == result
    await _fill_pool(session)
    end_connections()
    await session.clear_session()
    end_connections()
    assert await session.get_items() == []


async def test_pooled_connections_that_ended_are_replaced(
    network: Network, session_of: Callable[[str], SQLAlchemySession]
) -> None:
    """
    Fails without: db/postgres/database.py, `while cast("Any", pooled.driver_connection).is_closed()` (twenty
    attempts meet a dead connection each, and a pop is said to have an unknown outcome although it was never sent).
    """
    await _use_in_every_way(session_of(network.url), network.proxy.cut)


@pytest.fixture(params=["postgres", "mariadb"])
def server(request: pytest.FixtureRequest) -> Postgres | MariaDB:
    found: Postgres | MariaDB = request.getfixturevalue(request.param)
    return found


async def test_connections_that_the_server_ends_are_replaced(
    server: Postgres | MariaDB, session_of: Callable[[str], SQLAlchemySession]
) -> None:
    """
    Fails without: log/fast/postgres.py, the same as above; on MariaDB, db/sqlalchemy/retry.py, `Trouble.LOST` in
    `_RETRIED`.
    """
    url = server.new_database()
    await _use_in_every_way(session_of(url), lambda: server.end_connections(str(make_url(url).database)))


async def test_a_restarted_server_is_found_again(
    server: Postgres | MariaDB, session_of: Callable[[str], SQLAlchemySession]
) -> None:
    """
    Fails without: the same.
    """
    await _use_in_every_way(session_of(server.new_database()), server.restart)


async def test_a_server_that_restarts_in_the_middle_of_work_loses_and_doubles_nothing(
    server: Postgres | MariaDB,
) -> None:
    """
    Fails without: db/sqlalchemy/retry.py, `Trouble.LOST` in `_RETRIED`.
    """
    async with open_store(server.new_database(), create_tables=True) as store:
        done = 0
        await store.session("0").add_items([])

        async def write(writer: int) -> None:
            nonlocal done
            session = store.session(f"{writer % 3}")
            for batch in range(60):
                await session.add_items([{"writer": writer, "batch": batch, "part": part} for part in range(2)])
                done += 1

        writing = asyncio.gather(*map(write, range(6)))
        for part in (60, 180):
            while done < part and not writing.done():
                await asyncio.sleep(0.01)
            await asyncio.to_thread(server.restart)
        await writing
        for number in range(3):
            found = await store.session(f"{number}").get_items()
            assert len(found) == 2 * 60 * 2
            for writer in (number, number + 3):
                own = [item for item in found if item["writer"] == writer]
                assert own == [{"writer": writer, "batch": b, "part": p} for b in range(60) for p in range(2)]


async def test_a_server_that_is_away_for_a_while_is_waited_for(network: Network) -> None:
    """
    Fails without: db/sqlalchemy/retry.py, `Trouble.LOST` in `_RETRIED`; db/sqlalchemy/errors.py, `isinstance(original,
    OSError)`.
    """
    session = network.session()
    await session.add_items([message("1")])
    network.proxy.refusing = True
    network.proxy.cut()
    waiting = [
        asyncio.ensure_future(operation)
        for operation in (session.add_items([message("2")]), session.get_items(), network.session("new").pop_item())
    ]
    await asyncio.sleep(0.5)
    assert not any(task.done() for task in waiting)
    network.proxy.refusing = False
    await asyncio.gather(*waiting)
    assert await session.get_items() == [message("1"), message("2")]


@pytest.mark.parametrize("place", ["before the host", "in the query"])
async def test_a_server_that_stays_away_is_an_error_that_tells_what_was_tried_and_no_secret(
    network: Network, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    """Nor does any log record, or the traceback.

    Fails without: db/sqlalchemy/urls.py, `place` (a URL with the user, or with its options); db/engines/of_loop.py,
    `"hide_parameters": True`; db/sqlalchemy/transaction.py, `result.cursor.fetchall()` (`result`: SQLAlchemy logs each
    row).
    """
    monkeypatch.setattr(retry, "ATTEMPTS", 3)
    for logger in ("sqlalchemy", "sqlalchemy.engine", "sqlalchemy.pool", "asyncpg", "aiomysql", "asyncio", "sessions"):
        caplog.set_level(logging.DEBUG, logger=logger)
    user = f"{_USER}_{uuid4().hex[:8]}"
    if network.is_postgres:
        network.server.sql(f"create user {user} superuser")
    else:
        network.server.sql(f"create user {user} identified by '{_PASSWORD}'; grant all on *.* to {user}")
    url = make_url(network.url).set(username=user)
    if place == "before the host" or not network.is_postgres:
        url = url.set(password=_PASSWORD)
    else:
        url = url.update_query_dict({"password": _PASSWORD})
    async with open_store(url.render_as_string(hide_password=False), create_tables=True) as store:
        session = store.session("s")
        operations: list[Callable[[], Awaitable[object]]] = [
            lambda: session.add_items([message(_CANARY)]),
            session.get_items,
            session.pop_item,
            session.clear_session,
            lambda: store.session("new").add_items([message(_CANARY)], idempotency_key="k"),
            store.sessions,
            lambda: store.delete("s"),
        ]
        for operation in operations:
            await operation()
        await session.add_items([message(_CANARY)])
        network.proxy.refusing = True
        for operation in operations:
            network.proxy.cut()
            with pytest.raises(StoreError) as caught:
                await operation()
            _check_error(caught.value, network)
        network.proxy.refusing = False
    assert len(caplog.records) > 50
    for record in caplog.records:
        printed = logging.Formatter().format(record)
        assert not re.search(f"{_CANARY}|{_PASSWORD}", printed), printed


def _check_error(error: StoreError, network: Network) -> None:
    assert re.search(r"tried 3 times in \d+\.\d s; the last error was \w+", str(error)), str(error)
    assert f"127.0.0.1:{network.proxy.port}/{network.database}" in str(error)
    printed = "".join(traceback.format_exception(error))
    assert not re.search(f"{_CANARY}|{_PASSWORD}|{_USER}", printed), printed


async def test_a_wrong_password_is_an_error_of_the_store_at_once(network: Network) -> None:
    """
    Fails without: db/sqlalchemy/urls.py, `place` (a URL with the user).
    """
    name = f"no_such_user_{network.database}"[:30]
    url = make_url(network.url).set(username=name, password=_PASSWORD).render_as_string(hide_password=False)
    async with open_store(url) as store:
        for _ in range(2):
            with pytest.raises(StoreError, match="tried once in") as caught:
                await store.session("s").get_items()
            printed = "".join(traceback.format_exception(caught.value))
            assert _PASSWORD not in printed
            assert name not in printed


async def test_serialization_failures_are_retried(postgres: Postgres) -> None:
    """The server makes every transaction serializable; pops at once then fail each other.

    Fails without: db/sqlalchemy/errors.py, `"40001": Trouble.ROLLED_BACK`.
    """
    url = postgres.new_database()
    engine_kwargs = {"connect_args": {"server_settings": {"default_transaction_isolation": "serializable"}}}
    async with open_store(url, create_tables=True, engine_kwargs=engine_kwargs) as store:
        session = store.session("s")
        await asyncio.gather(*(session.add_items([message(f"{number:02}")]) for number in range(30)))
        popped = [item["content"] for item in await asyncio.gather(*(session.pop_item() for _ in range(24))) if item]
        left = [item["content"] for item in await session.get_items()]
        assert len(popped) == 24
        assert sorted(popped + left) == [f"{number:02}" for number in range(30)]


@pytest.mark.parametrize("operation", ["add", "clear"])
async def test_what_a_terminated_backend_had_not_committed_is_repeated(postgres: Postgres, operation: str) -> None:
    """It was in the middle of the statement.

    Fails without: log/fast/postgres.py, `repeatable=True` in `append_together`; db/postgres/database.py,
    `or not committing`.
    """
    url = postgres.new_database()
    other = create_async_engine(url)
    async with open_store(url, create_tables=True) as store:
        session = store.session("s")
        await session.add_items([message("1"), message("2")])
        async with other.connect() as connection:
            await connection.execute(text("select 1 from agent_log_sessions for update"))
            changes: dict[str, tuple[Callable[[], Awaitable[object]], list[Any]]] = {
                "add": (lambda: session.add_items([message("3")]), [message("1"), message("2"), message("3")]),
                "clear": (session.clear_session, []),
            }
            change, after = changes[operation]
            waiting = asyncio.ensure_future(change())
            while not await _waits_for_lock(postgres):
                await asyncio.sleep(0.02)
            postgres.sql("select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock'")
            await connection.rollback()
        await waiting
        assert await session.get_items() == after
    await other.dispose()


async def test_a_server_that_takes_no_writes_for_a_while_is_waited_for(postgres: Postgres) -> None:
    """As one that is a standby until it is promoted: connections to it are given up, for its name may be another's.

    Fails without: db/sqlalchemy/errors.py, `"25006": Trouble.LOST`; db/sqlalchemy/database.py,
    `await connection.invalidate()`.
    """
    url = postgres.new_database()
    name = make_url(url).database
    async with open_store(url, create_tables=True) as store:
        session = store.session("s")
        await session.add_items([message("1"), message("2")])
        postgres.sql(f"alter database {name} set default_transaction_read_only = on")
        postgres.end_connections(str(name))
        waiting = [asyncio.ensure_future(store.session("new").add_items([message("1")]))]
        waiting += [asyncio.ensure_future(session.add_items([message("3")]))]
        await asyncio.sleep(0.5)
        assert not any(task.done() for task in waiting)
        assert await session.get_items() == [message("1"), message("2")]
        postgres.sql(f"alter database {name} set default_transaction_read_only = off")
        await asyncio.gather(*waiting)
        assert await session.get_items() == [message("1"), message("2"), message("3")]
        assert await store.session("new").get_items() == [message("1")]


async def test_a_deadlock_is_retried(postgres: Postgres) -> None:
    """Somebody locks two sessions in the other order than a group of appends does, and does not give way.

    Fails without: db/sqlalchemy/errors.py, `"40P01": Trouble.ROLLED_BACK`.
    """
    url = postgres.new_database()
    other = create_async_engine(url)
    kwargs = {"connect_args": {"server_settings": {"deadlock_timeout": "100ms"}}}
    async with open_store(url, create_tables=True, engine_kwargs=kwargs) as store:
        for name in ("a", "b"):
            await store.session(name).add_items([message("1")])
        async with other.connect() as connection:
            await connection.execute(text("set local deadlock_timeout = '1000s'"))
            await connection.execute(text("select 1 from agent_log_sessions where session_id = 'b' for update"))
            # One worker takes the first alone; the others wait and go together.
            appends = [asyncio.ensure_future(store.session(n).add_items([message("2")])) for n in ("c", "d", "a", "b")]
            while not await _waits_for_lock(postgres):
                await asyncio.sleep(0.02)
            await connection.execute(text("select 1 from agent_log_sessions where session_id = 'a' for update"))
            await connection.rollback()
        await asyncio.gather(*appends)
        for name in ("a", "b"):
            assert await store.session(name).get_items() == [message("1"), message("2")]
    await other.dispose()
    assert "deadlock detected" in (postgres.folder / "log").read_text()


async def _waits_for_lock(postgres: Postgres) -> bool:
    return bool(postgres.rows("select pid from pg_stat_activity where wait_event_type = 'Lock'"))


@pytest.mark.parametrize("trouble", ["timeout", "deadlock"])
async def test_mariadbs_lock_timeouts_and_deadlocks_are_retried(mariadb: Any, trouble: str) -> None:
    """
    Fails without: db/sqlalchemy/errors.py, `1205: Trouble.ROLLED_BACK` and `1213: Trouble.ROLLED_BACK`.
    """
    url = mariadb.new_database()
    other = create_async_engine(url)
    command = "set innodb_lock_wait_timeout = 1" if trouble == "timeout" else "set innodb_lock_wait_timeout = 100"
    kwargs = {"connect_args": {"init_command": command}}
    async with open_store(url, create_tables=True, engine_kwargs=kwargs) as store:
        session = store.session("s")
        await session.add_items([message("1")])
        async with other.connect() as connection:
            await connection.execute(text("create table ballast (n int)"))
            # Of two in a deadlock, the one that changed less gives way.
            await connection.execute(text("insert into ballast select seq from seq_1_to_200"))
            await connection.execute(text("select 1 from agent_log_branches for update"))
            append = asyncio.ensure_future(session.add_items([message("2")]))
            if trouble == "timeout":
                await asyncio.sleep(2.5)
            else:
                while not await _waits_in_mariadb(other):
                    # What it tells is renewed only when nobody has asked for 0.1 s.
                    await asyncio.sleep(0.2)
                await connection.execute(text("select 1 from agent_log_sessions for update"))
            await connection.rollback()
        await append
        assert await session.get_items() == [message("1"), message("2")]
    await other.dispose()


async def _waits_in_mariadb(engine: Any) -> bool:
    async with engine.connect() as connection:
        query = "select count(*) from information_schema.innodb_trx where trx_state = 'LOCK WAIT'"
        return bool((await connection.execute(text(query))).scalar())


async def test_an_engine_that_commits_each_statement_does_not_take_transactions_apart(network: Network) -> None:
    """
    Fails without: db/sqlalchemy/boundaries.py, `"READ COMMITTED"`; on Postgres,
    db/postgres/database.py, `begin isolation level {level};`.
    """
    engine = create_async_engine(network.url, isolation_level="AUTOCOMMIT")
    session = SQLAlchemySession("s", engine=engine, create_tables=True)
    await session.get_items()
    network.proxy.lose_request(b"marked")
    await session.add_items([message("marked")])
    await engine.dispose()
    assert await network.stored() == [message("marked")]
    check = create_async_engine(network.direct)
    async with check.connect() as connection:
        found = (await connection.execute(text("select version from agent_log_sessions"))).scalar()
    await check.dispose()
    assert found == 1


@pytest.mark.parametrize("operation", ["add", "read", "pop"])
async def test_a_server_that_is_shutting_down_is_waited_for(postgres_network: Network, operation: str) -> None:
    """It accepts connections and refuses them in words, which reaches us on another way than a refused connection.

    Fails without: db/sqlalchemy/errors.py, `"sqlalchemy.dialects."`.
    """
    session = postgres_network.session()
    await session.add_items([message("1")])
    await session.engine.dispose()
    proxy = postgres_network.proxy
    proxy.shutting_down = 3
    if operation == "add":
        await session.add_items([message("2")])
    elif operation == "read":
        assert await session.get_items() == [message("1")]
    else:
        assert await session.pop_item() == message("1")
    assert proxy.shutting_down == 0
    assert await postgres_network.stored() == {
        "add": [message("1"), message("2")], "read": [message("1")], "pop": [],
    }[operation]  # fmt: skip


async def test_a_connection_in_a_transaction_is_given_to_nobody(postgres: Postgres) -> None:
    """As where a rollback takes longer than the driver's `command_timeout`: what came next was done in it, and lost.

    Fails without: db/postgres/database.py, `if connection is not None and …:` (never).
    """
    engine = create_async_engine(postgres.new_database(), pool_size=1, max_overflow=0)
    session = SQLAlchemySession("s", engine=engine, create_tables=True)
    await session.add_items([message("1")])
    database = AsyncpgDatabase(engine, create_tables=False, prefix=PREFIX, schema=None, attempt_timeout=60.0)
    async with Deadline(60) as deadline, database.borrowed(deadline) as connection:
        await connection.execute("begin")
    await session.add_items([message("2")])
    await engine.dispose()
    engine = create_async_engine(engine.url)
    assert await SQLAlchemySession("s", engine=engine).get_items() == [message("1"), message("2")]
    await engine.dispose()

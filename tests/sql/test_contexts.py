"""Listeners that go by the caller's context, as for the tenant of a request: nobody's work is done in another's."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import aclosing
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from sessions import EncryptedSession, SQLAlchemySession, generate_key

from .engines import DRIVERS, made_engine, url_for
from .network import message

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

    from sessions.session.base import LogSession

    from .servers import Postgres

tenant: ContextVar[str] = ContextVar("tenant", default="")

_TENANTS = "abcd"
_KEY = generate_key()


def _plain(engine: AsyncEngine) -> LogSession:
    return SQLAlchemySession(f"{tenant.get()}-plain", engine=engine)


def _encrypted(engine: AsyncEngine) -> LogSession:
    return EncryptedSession(
        f"{tenant.get()}-encrypted", SQLAlchemySession(f"{tenant.get()}-encrypted", engine=engine), _KEY
    )


async def _append(session: LogSession) -> None:
    await session.add_items([message("appended")])


async def _append_with_key(session: LogSession) -> None:
    await session.add_items([message("with a key")], idempotency_key="k")


async def _read(session: LogSession) -> None:
    assert await session.get_items()


async def _pop(session: LogSession) -> None:
    assert await session.pop_item() is not None


async def _fork(session: LogSession) -> None:
    await session.branches.create("b")


async def _lease(session: LogSession) -> None:
    async with session.lease():
        await session.add_items([message("under a lease")])


_OPERATIONS: dict[str, Callable[[Any], Awaitable[None]]] = {
    "append": _append,
    "append with a key": _append_with_key,
    "read": _read,
    "pop": _pop,
    "fork": _fork,
    "lease": _lease,
}


async def _in_context_of(name: str, work: Callable[[], Awaitable[Any]]) -> Any:
    tenant.set(name)
    return await work()


async def _by_all(work: Callable[[], Awaitable[Any]]) -> None:
    """Have each tenant do some work, all at the same time, each in a task of its own."""
    async with asyncio.TaskGroup() as group:
        for name in _TENANTS:
            group.create_task(_in_context_of(name, work))


@pytest.mark.usefixtures("no_upkeep")
@pytest.mark.parametrize("make", [_plain, _encrypted])
@pytest.mark.parametrize("driver", DRIVERS)
async def test_a_connection_is_borrowed_in_the_context_of_the_call_it_serves(
    driver: str,
    make: Callable[[AsyncEngine], LogSession],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    """Each tenant borrows as many connections as any other: those who are served by another's borrow fewer.

    Upkeep, which borrows one beside some of the changes, waits until the test is over.

    Fails without: db/postgres/database.py, `self.carried()`.
    """
    url = url_for(driver, request, tmp_path)
    async with made_engine(url) as engine:
        await SQLAlchemySession("first", engine=engine, create_tables=True).get_items()
        borrowed: Counter[str] = Counter()

        def on_checkout(*_: object) -> None:
            borrowed[tenant.get()] += 1

        event.listen(engine.sync_engine, "checkout", on_checkout)
        await _by_all(lambda: make(engine).add_items([message("first")]))
        for name, operation in _OPERATIONS.items():
            borrowed.clear()
            if name in ("append", "append with a key", "read", "pop"):
                for _ in range(2):
                    await _by_all(lambda operation=operation: operation(make(engine)))  # type: ignore[misc]
                assert set(borrowed) == set(_TENANTS), name
                assert len(set(borrowed.values())) == 1, (name, borrowed)
            else:
                await _by_all(lambda operation=operation: operation(make(engine)))  # type: ignore[misc]
                assert set(borrowed) == set(_TENANTS), name


async def _with_policies(postgres: Postgres, driver: str) -> str:
    """Make a database with row-level security in which a session belongs to the tenant that wrote it."""
    url = postgres.new_database()
    async with made_engine(url) as engine:
        await SQLAlchemySession("first", engine=engine, create_tables=True).get_items()
    name = str(make_url(url).database)
    postgres.sql(
        """
        do $$ begin create role tenants login; exception when duplicate_object then null; end $$;
        grant usage on schema public to tenants;
        grant select, insert, update, delete on all tables in schema public to tenants
        """,
        name,
    )
    for table in ("sessions", "segments", "branches", "entries", "appends", "changes", "usage", "waiting"):
        postgres.sql(
            f"alter table agent_log_{table} add tenant text default nullif(current_setting('app.tenant', true), '')"
            f" not null; alter table agent_log_{table} enable row level security;"
            f"create policy own on agent_log_{table} using (tenant = current_setting('app.tenant', true))",
            name,
        )
    return make_url(url).set(username="tenants", drivername=f"postgresql+{driver}").render_as_string()


def _set_by_cursor(*, local: str) -> Callable[..., None]:
    def listener(connection: Any, *_: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"select set_config('app.tenant', '{tenant.get()}', {local})")
        cursor.close()

    return listener


def _set_by_connection(connection: Any) -> None:
    connection.exec_driver_sql(f"select set_config('app.tenant', '{tenant.get()}', true)")


_LISTENERS: dict[str, tuple[str, Callable[..., None]]] = {
    "checkout": ("checkout", _set_by_cursor(local="false")),
    "checkout, local": ("checkout", _set_by_cursor(local="true")),
    "begin": ("begin", _set_by_connection),
    "engine_connect": ("engine_connect", _set_by_connection),
}


@pytest.mark.parametrize("listener", _LISTENERS)
@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
async def test_row_level_security(postgres: Postgres, driver: str, listener: str) -> None:
    """However a tenant is set, local to the transaction or not, all operations of all tenants keep to their rows.

    Fails without: db/postgres/database.py, `self.carried()`; db/sqlalchemy/boundaries.py, `listen_again`.
    """
    url = await _with_policies(postgres, driver)
    async with made_engine(url, pool_size=2, max_overflow=0) as engine:
        name, function = _LISTENERS[listener]
        event.listen(engine.sync_engine, name, function)
        for make in (_plain, _encrypted):

            async def everything(make: Callable[[AsyncEngine], LogSession] = make) -> None:
                await make(engine).add_items([message(f"of {tenant.get()}"), message("2")])
                for operation in _OPERATIONS.values():
                    await operation(make(engine))
                found = await make(engine).get_items()
                assert found[0] == message(f"of {tenant.get()}")
                others = [f"{other}-{make.__name__[1:]}" for other in _TENANTS if other != tenant.get()]
                for other in others:
                    assert await SQLAlchemySession(other, engine=engine).get_items() == []

            await _by_all(everything)


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
async def test_each_watcher_looks_in_its_own_context(postgres: Postgres, driver: str) -> None:
    """
    Fails without: db/sqlalchemy/polling.py, `are_separate`.
    """
    url = await _with_policies(postgres, driver)
    async with made_engine(url) as engine:
        event.listen(engine.sync_engine, "checkout", _set_by_cursor(local="false"))

        async def watch() -> None:
            session = _plain(engine)
            await session.add_items([message("before")])
            async with aclosing(session.watch(await session.version())) as changes:
                await session.add_items([message("after")])
                change = await anext(changes)
            assert change.version == await session.version()

        async with asyncio.timeout(60):
            await _by_all(watch)


async def test_each_connection_is_made_in_the_context_of_its_call(postgres: Postgres) -> None:
    """A pool that keeps none makes one for each call: by what is the caller's, if the user made that so.

    Fails without: db/sqlalchemy/engine_features.py, `makers`.
    """
    url = postgres.new_database()
    async with made_engine(url) as engine:
        await SQLAlchemySession("first", engine=engine, create_tables=True).get_items()
    made: Counter[str] = Counter()
    async with made_engine(url, poolclass=NullPool) as engine:
        event.listen(engine.sync_engine, "connect", lambda *_: made.update([tenant.get()]))
        await SQLAlchemySession("first", engine=engine).get_items()
        await _by_all(lambda: _plain(engine).add_items([message("first")]))
        made.clear()
        await _by_all(lambda: _plain(engine).add_items([message("second")]))
    assert made == dict.fromkeys(_TENANTS, 1)

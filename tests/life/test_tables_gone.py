"""Tables that are dropped, or replaced by older ones, while a program runs."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import SQLAlchemySession, SQLiteSession, open_store
from sessions.errors import StoreError
from sessions.sqlalchemy import metadata
from tests.sql.network import message

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from sessions.session.base import LogSession
    from tests.sql.servers import Postgres

OPERATIONS: dict[str, Callable[[LogSession], Awaitable[object]]] = {
    "append": lambda session: session.add_items([message("after")]),
    "many": lambda session: asyncio.gather(*(session.add_items([message("after")]) for _ in range(5))),
    "read": lambda session: session.get_items(),
    "pop": lambda session: session.pop_item(),
    "clear": lambda session: session.clear_session(),
    "version": lambda session: session.version(),
    "branch": lambda session: session.branches.list(),
}


async def _drop(url: str, *tables: str) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        there = await connection.run_sync(lambda this: inspect(this).get_table_names())
        for table in tables or [table.name for table in metadata().sorted_tables if table.name in there]:
            await connection.execute(text(f"drop table {table}"))
    await engine.dispose()


@pytest.fixture(params=["asyncpg", "psycopg", "aiomysql", "asyncmy", "aiosqlite"])
def driven(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new database, by each driver."""
    if request.param == "aiosqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/s.db"
    server: Any = request.getfixturevalue("postgres" if request.param in ("asyncpg", "psycopg") else "mariadb")
    url = make_url(server.new_database())
    return url.set(drivername=f"{url.get_backend_name()}+{request.param}").render_as_string(hide_password=False)


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_dropped_tables_are_made_again_if_that_was_asked_for(driven: str, operation: str) -> None:
    """
    Fails without: db/sqlalchemy/database.py, `except TablesGoneError` in `retried`; db/sqlalchemy/errors.py,
    `NO_TABLES`.
    """
    async with open_store(driven, create_tables=True) as store:
        session = store.session("s")
        await session.add_items([message("before")])
        await session.get_items()
        await _drop(driven)
        await OPERATIONS[operation](session)
        await session.add_items([message("last")])
        items = await session.get_items()
        assert items[-1] == message("last")
        assert message("before") not in items
        async with open_store(driven, create_tables=True) as other:
            assert await other.session("s").get_items() == items


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_dropped_tables_are_told_of_otherwise(driven: str, operation: str) -> None:
    """
    Fails without: db/sqlalchemy/database.py, `except TablesGoneError` in `retried`.
    """
    async with open_store(driven, create_tables=True) as store:
        await store.session("s").add_items([message("before")])
    async with open_store(driven) as store:
        session = store.session("s")
        await session.get_items()
        await _drop(driven)
        with pytest.raises(StoreError, match=r"session 's': .* lacks our tables, .* migrate"):
            await OPERATIONS[operation](session)


async def test_some_tables_are_missing(driven: str) -> None:
    """
    Fails without: db/sqlalchemy/database.py, the second `except TablesGoneError` in `retried`.
    """
    async with open_store(driven, create_tables=True) as store:
        session = store.session("s")
        await session.add_items([message("before")])
        await _drop(driven, "agent_log_entries")
        with pytest.raises(StoreError, match=r"lacks some of our tables or columns.* restore them"):
            await session.get_items()


async def test_a_schema_that_is_dropped_and_made_again(postgres: Postgres) -> None:
    url = postgres.new_database()
    async with open_store(url, create_tables=True) as store:
        await store.session("s").add_items([message("before")])
        postgres.sql("drop schema public cascade; create schema public", str(make_url(url).database))
        await store.session("s").add_items([message("after")])
        assert await store.session("s").get_items() == [message("after")]


async def test_a_sqlite_file_that_is_replaced_under_sqlalchemy(tmp_path: Path) -> None:
    """What would be written to the deleted file would be acknowledged, and read by nobody.

    Fails without: db/sqlalchemy/boundaries_sqlite.py, `elif known[_FILE] != file`.
    """
    path = tmp_path / "s.db"
    session = SQLAlchemySession.from_url("s", url=f"sqlite+aiosqlite:///{path}", create_tables=True)
    await session.add_items([message("before")])
    path.unlink()
    await session.add_items([message("after")])
    assert await session.get_items() == [message("after")]
    await session.aclose()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("select count(*) from agent_log_entries").fetchone() == (1,)


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_dropped_tables_of_a_sqlite_file_are_made_again(tmp_path: Path, operation: str) -> None:
    """
    Fails without: db/sqlite/backend.py, `_look_again`.
    """
    session = SQLiteSession("s", tmp_path / "s.db")
    await session.add_items([message("before")])
    await session.get_items()
    with closing(sqlite3.connect(tmp_path / "s.db")) as other, other:
        listed = "select name from sqlite_master where type = 'table' and name like 'agent_%'"
        for (name,) in other.execute(listed).fetchall():
            other.execute(f"drop table {name}")
    other.close()
    await OPERATIONS[operation](session)
    await session.add_items([message("last")])
    assert (await session.get_items())[-1] == message("last")
    assert message("before") not in await session.get_items()
    session.close()


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
async def test_a_table_altered_by_another_process_is_read_again(postgres: Postgres, driver: str) -> None:
    """A prepared statement is refused then: asyncpg's and SQLAlchemy's word for that, and psycopg's.

    Fails without: db/sqlalchemy/errors.py, `"RevalidateCachedQuery"`.
    """
    url = postgres.new_database()
    async with open_store(url.replace("asyncpg", driver), create_tables=True, engine_kwargs={"pool_size": 1}) as store:
        session = store.session("s")
        for number in range(8):  # psycopg prepares what comes often.
            await session.add_items([message(str(number))])
            await session.get_items()
            await session.branches.create(f"b{number}")
            await session.entries()
            await session.version()
        for table, column in (("sessions", "version"), ("branches", "turn"), ("entries", "turn")):
            statement = f"alter table agent_log_{table} alter column {column} type numeric"
            postgres.sql(statement, str(make_url(url).database))
        await session.add_items([message("after")])
        assert (await session.get_items())[-1] == message("after")
        assert len(await session.branches.list()) == 9
        assert len(await session.entries()) == 9

"""Times of a database that the OpenAI Agents SDK wrote are local times of the server's zone, or of the connection's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from agents.extensions.memory import SQLAlchemySession as SDKSession
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from sessions import SQLAlchemySession, open_store

from .network import message
from .test_sql_takeover import _MARIADB_TABLES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ZONES = {"postgres": ["UTC", "America/Los_Angeles", "Asia/Kolkata"], "mariadb": ["+00:00", "-08:00", "+05:30"]}
DRIVERS = [(server, zone) for server, zones in ZONES.items() for zone in zones]
_LATER = datetime.now(UTC) + timedelta(days=300)


@pytest.fixture(params=DRIVERS, ids=" ".join)
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[AsyncEngine]:
    """An engine whose connections are in a time zone, of a database with the SDK's tables."""
    server, zone = request.param
    options: dict[str, Any] = {"init_command": f"set time_zone = '{zone}'"}
    if server == "postgres":
        options = {"server_settings": {"timezone": zone}}
    made = create_async_engine(request.getfixturevalue(server).new_database(), connect_args=options)
    if server == "postgres":
        await SDKSession("other", engine=made, create_tables=True).add_items([])
        await SDKSession("other", engine=made, create_tables=True).get_items()
    else:
        async with made.begin() as connection:
            for statement in _MARIADB_TABLES:
                await connection.execute(text(statement))
    yield made
    await made.dispose()


async def _execute(engine: AsyncEngine, sql: str, **values: object) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(sql), values)


async def test_a_message_of_just_now_is_of_just_now(engine: AsyncEngine) -> None:
    """
    Fails without: log/adopt/sdk_tables.py, `cast(created_at as timestamptz)` and `unix_timestamp(created_at)` in
    _MADE_AT.
    """
    await SDKSession("s", engine=engine).add_items([{"role": "user", "content": "just now"}])
    session = SQLAlchemySession("s", engine=engine, create_tables=True, ttl=3600)
    assert await session.get_items() == [message("just now")]
    (entry,) = await session.entries()
    assert abs(datetime.now(UTC) - entry.created_at) < timedelta(minutes=10)
    (listed,) = await open_store(engine).sessions()
    assert abs(datetime.now(UTC) - listed.created_at) < timedelta(minutes=10)
    assert await session.purge_expired() == 0


async def test_a_message_that_is_older_than_the_ttl_has_expired(engine: AsyncEngine) -> None:
    await SDKSession("s", engine=engine).add_items([{"role": "user", "content": "two hours ago"}])
    interval = "interval '2 hours'" if engine.dialect.name == "postgresql" else "interval 2 hour"
    await _execute(engine, f"update agent_messages set created_at = created_at - {interval}")  # noqa: S608 - ours
    session = SQLAlchemySession("s", engine=engine, create_tables=True, ttl=3600)
    assert await session.get_items() == []
    assert await session.purge_expired() == 1


@pytest.mark.parametrize("zoned", [False, True])
async def test_a_time_to_come_is_now(engine: AsyncEngine, *, zoned: bool) -> None:
    """Clocks differ, and tables are restored elsewhere: nothing outlives its time to live by that.

    Fails without: log/adopt/sdk_tables.py, `return min(parsed, now)`.
    """
    postgres = engine.dialect.name == "postgresql"
    type_ = {(True, True): "timestamptz", (False, False): "datetime"}.get((postgres, zoned), "timestamp")
    await SDKSession("s", engine=engine).add_items([{"role": "user", "content": "from the future"}])
    for table in ("agent_messages", "agent_sessions"):
        change = f"alter column created_at type {type_}" if postgres else f"modify created_at {type_} null"
        await _execute(engine, f"alter table {table} {change}")
        at = _LATER if type_ == "timestamptz" else _LATER.replace(tzinfo=None)
        await _execute(engine, f"update {table} set created_at = :at", at=at)  # noqa: S608 - ours
    session = SQLAlchemySession("s", engine=engine, create_tables=True)
    (entry,) = await session.entries()
    assert timedelta(0) <= datetime.now(UTC) - entry.created_at < timedelta(minutes=10)
    (listed,) = await open_store(engine).sessions()
    assert listed.created_at <= datetime.now(UTC)


@pytest.mark.parametrize("time", ["'infinity'", "'-infinity'", "null"])
async def test_what_is_no_time_is_now(postgres: Any, time: str) -> None:
    """
    Fails without: log/adopt/sdk_tables.py, `case when isfinite(…)`.
    """
    engine = create_async_engine(postgres.new_database())
    await SDKSession("s", engine=engine, create_tables=True).add_items([{"role": "user", "content": "hello"}])
    await _execute(engine, "alter table agent_messages alter column created_at drop not null")
    await _execute(engine, f"update agent_messages set created_at = {time}")  # noqa: S608 - ours
    (entry,) = await SQLAlchemySession("s", engine=engine, create_tables=True).entries()
    assert abs(datetime.now(UTC) - entry.created_at) < timedelta(minutes=10)
    await engine.dispose()

"""Our operations borrow no more connections at once than the pool keeps; others' do not stand in their way."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import EncryptedSession, SQLAlchemySession, StoreBusyError, generate_key

from .engines import DRIVERS, made_engine, url_for
from .network import message

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine


@pytest.fixture(params=DRIVERS)
def own_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return url_for(request.param, request, tmp_path)


def _count_opened(engine: AsyncEngine) -> list[Any]:
    opened: list[Any] = []
    event.listen(engine.sync_engine, "connect", lambda connection, _: opened.append(connection))
    return opened


async def test_no_connection_is_opened_beyond_those_that_the_pool_keeps(own_url: str) -> None:
    """Of an engine as everybody makes it: it keeps 5, and would open 10 more and close them again.

    Fails without: db/sqlalchemy/pools.py, `_Places`.
    """
    async with made_engine(own_url) as engine:
        await SQLAlchemySession("first", engine=engine, create_tables=True).get_items()
        opened = _count_opened(engine)
        key = generate_key()
        other = engine.execution_options(compiled_cache=None)

        async def use(number: int) -> None:
            of = other if number % 8 == 0 else engine
            session = SQLAlchemySession(f"s{number}", engine=of)
            for _ in range(3):
                await session.add_items([message("1"), message("2")])
                assert len(await session.get_items()) >= 2
                await session.pop_item()
                await session.branches.list()
            encrypted = EncryptedSession(f"e{number}", SQLAlchemySession(f"e{number}", engine=of), key)
            await encrypted.add_items([message("1")])
            assert await encrypted.get_items() == [message("1")]

        await asyncio.gather(*map(use, range(48)))
        assert len(opened) <= 5


async def test_others_do_not_stand_in_the_way(own_url: str) -> None:
    """Somebody else holds all connections that the pool keeps: it may open more."""
    async with made_engine(own_url, pool_size=2, max_overflow=2, pool_timeout=30) as engine:
        session = SQLAlchemySession("s", engine=engine, create_tables=True)
        await session.add_items([message("1")])
        async with engine.connect() as one, engine.connect() as two:
            await one.execute(text("select 1"))
            await two.execute(text("select 1"))
            await asyncio.gather(*(session.add_items([message("2")]) for _ in range(5)))
        assert len(await session.get_items()) == 6


async def test_waiting_for_a_place_ends_as_waiting_for_a_connection_does(own_url: str) -> None:
    """Somebody else holds the only connection: every operation says so after the pool's own time, and then goes on.

    Fails without: db/sqlalchemy/pools.py, `PoolTimeoutError`.
    """
    async with made_engine(own_url, pool_size=1, max_overflow=0, pool_timeout=0.5) as engine:
        session = SQLAlchemySession("s", engine=engine, create_tables=True)
        await session.add_items([message("1")])
        async with engine.connect():
            began = time.monotonic()
            found = await asyncio.gather(*(session.version() for _ in range(5)), return_exceptions=True)
            assert all(isinstance(error, StoreBusyError) for error in found), found
            assert time.monotonic() - began < 25
        assert await session.get_items() == [message("1")]


async def test_a_cancelled_operation_gives_its_place_back(own_url: str) -> None:
    async with made_engine(own_url, pool_size=2, max_overflow=0) as engine:
        session = SQLAlchemySession("s", engine=engine, create_tables=True)
        await session.add_items([message("1")])
        for delay in range(20):
            tasks = [asyncio.ensure_future(session.get_items()) for _ in range(6)]
            await asyncio.sleep(delay / 4000)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        async with asyncio.timeout(60):
            assert await asyncio.gather(*(session.get_items() for _ in range(6))) == [[message("1")]] * 6


def test_an_engine_in_one_event_loop_after_another(own_url: str) -> None:
    """What waited when the first one ended waits no more.

    Fails without: db/sqlalchemy/pools.py, `_of_loops`.
    """

    async def use(session_id: str) -> None:
        session = SQLAlchemySession(session_id, engine=engine, create_tables=True)
        await asyncio.gather(*(session.add_items([message("1")]) for _ in range(8)))
        assert len(await session.get_items()) == 8
        left = [asyncio.ensure_future(session.get_items()) for _ in range(8)]
        await asyncio.sleep(0)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await engine.dispose()

    engine = create_async_engine(own_url)
    for session_id in ("first", "second"):
        asyncio.run(use(session_id))

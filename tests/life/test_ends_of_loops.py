"""Loops that end in the middle of something leave nothing to the garbage collector, which would warn of it."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from sessions import SQLAlchemySession, open_store
from sessions.db.sqlalchemy import shared_engine
from sessions.db.uncancelled import settle
from tests.sql.engines import DRIVERS, url_for
from tests.sql.network import message

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_loop_that_ends_while_connections_are_being_closed(
    driver: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its tasks are cancelled then, and nothing is left open all the same.

    Fails without: db/sqlalchemy/shared_engine.py, `_ended(threads)` or `end_at_once`; db/sqlalchemy/severing.py,
    `_transport` of asyncmy's connections; without `dispose` before `_ended`, the contracts do.
    """
    # SQLAlchemy logs a close that is cancelled. Tracebacks would keep the connections until another test runs.
    caplog.set_level(logging.CRITICAL, "sqlalchemy.pool")
    monkeypatch.setattr(shared_engine, "LINGER", 0)
    url = url_for(driver, request, tmp_path)

    async def use() -> None:
        sessions = [SQLAlchemySession.from_url("s", url=url, create_tables=True) for _ in range(25)]
        await sessions[0].add_items([message("1")] * 20)
        await asyncio.gather(*(session.pop_item() for session in sessions))

    for steps in range(8):
        with asyncio.Runner() as runner:
            runner.run(use())
            gc.collect()
            for _ in range(steps):
                runner.run(asyncio.sleep(0))
        gc.collect()


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("driver", [driver for driver in DRIVERS if driver != "aiosqlite"])
def test_a_loop_that_ends_before_a_task_begins(
    driver: str, request: pytest.FixtureRequest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whichever task of some operations is cancelled before its first step, no connection is left to the collector.

    The threads of aiosqlite report to their loop, also when it has been closed, and fail then, in any later test.

    Fails without: db/sqlalchemy/pools.py, `await connection.close()` in `borrowed`, with all drivers except asyncpg.
    """
    caplog.set_level(logging.CRITICAL, "sqlalchemy.pool")
    url = url_for(driver, request, tmp_path)

    async def use() -> None:
        async with open_store(url, create_tables=True) as store:
            session = store.session("s")
            await session.add_items([message("1")])
            changes = [session.add_items([message("2")]) for _ in range(2)]
            await asyncio.gather(*changes, session.get_items(), session.version())

    def ends_before(number: int) -> bool:
        """Use a store in a loop that ends when it makes this task; tell whether there were as many."""
        numbers = iter(range(number))

        def make(loop: asyncio.AbstractEventLoop, made: Any, **named: Any) -> asyncio.Task[Any]:
            if next(numbers, None) == number - 1:
                loop.stop()
            return asyncio.Task(made, loop=loop, **named)

        with asyncio.Runner() as runner:
            runner.get_loop().set_task_factory(make)
            try:
                runner.run(use())
            except RuntimeError as error:
                assert "loop stopped" in str(error)  # noqa: PT017 - it may also end well
                return True
            runner.get_loop().set_task_factory(None)
        return False

    number = 2  # The first is that of `use` itself.
    while ends_before(number):
        gc.collect()
        number += 1
    gc.collect()
    assert number > 5


@pytest.mark.parametrize("is_caller_cancelled", [True, False])
def test_a_loop_that_ends_before_a_change_begins(*, is_caller_cancelled: bool) -> None:
    """The change's task is cancelled before its first step, and its coroutine has been made by then.

    Fails without: db/uncancelled.py, `change.close()`.
    """

    async def change() -> None:
        raise AssertionError

    async def caller() -> None:
        await settle(change())

    async def use() -> asyncio.Task[None]:
        task = asyncio.create_task(caller())
        if not is_caller_cancelled:
            await asyncio.sleep(0)
            for other in asyncio.all_tasks() - {task, asyncio.current_task()}:
                other.cancel()
            await asyncio.wait([task])
        return task

    with asyncio.Runner() as runner:
        task = runner.run(use())
    assert task.cancelled()
    del task
    gc.collect()


@pytest.mark.parametrize("driver", DRIVERS)
async def test_operations_under_way_when_a_session_closes_leave_no_connection(
    driver: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they have borrowed comes back to a pool that nobody looks at any more.

    Fails without: db/sqlalchemy/deadline.py, `event.listen(pool, "checkin", _close)`.
    """
    monkeypatch.setattr(shared_engine, "LINGER", 0)
    url = url_for(driver, request, tmp_path)
    made: list[weakref.ref[Any]] = []
    note = shared_engine.SharedEngine._note

    def noted(self: shared_engine.SharedEngine, connection: object, record: Any) -> None:
        made.append(weakref.ref(record.driver_connection))
        note(self, connection, record)

    monkeypatch.setattr(shared_engine.SharedEngine, "_note", noted)
    for steps in range(0, 60, 4):
        session = SQLAlchemySession.from_url("s", url=url, create_tables=True)
        await session.add_items([message("1")])
        under_way = [asyncio.ensure_future(session.version()) for _ in range(5)]
        for _ in range(steps):
            await asyncio.sleep(0)
        await session.aclose()
        await asyncio.gather(*under_way, return_exceptions=True)
        while ending := tuple(shared_engine._ending):
            await asyncio.wait(ending)
        del session, under_way
    gc.collect()
    assert made
    assert not [connection for one in made if (connection := one()) is not None and is_open(connection)]


def is_open(connection: Any) -> bool:
    """Tell whether a driver's connection is open, whichever driver's it is."""
    if (thread := getattr(connection, "_thread", None)) is not None:
        return bool(thread.is_alive())
    if (closed := getattr(connection, "closed", None)) is not None:
        return not closed
    return not connection.is_closed()

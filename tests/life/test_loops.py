"""Engines of one's own in several event loops: they work, or raise at once; nothing hangs."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from sessions import SQLAlchemySession
from tests.life.quiet import gc_quietly
from tests.sql.network import message

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sql.servers import Postgres


async def _append_together(session: SQLAlchemySession, number: int) -> None:
    """Append from several tasks at once, so that they wait for each other where there is a lock."""
    await asyncio.gather(*(session.add_items([message(f"{number}-{part}")]) for part in range(8)))


@pytest.mark.parametrize("used_before", [True, False], ids=["used before", "new"])
def test_an_engine_without_a_pool_in_several_threads_each_with_its_loop(url: str, *, used_before: bool) -> None:
    """
    Fails without: db/engines/databases.py, `of_loops.get(loop)` (one database for all loops hangs); `admit_any_loop`
    (the
    first connections of several loops wait for one lock).
    """
    asyncio.run(SQLAlchemySession.from_url("s", url=url, create_tables=True).get_items())
    engine = create_async_engine(url, poolclass=NullPool)
    if used_before:
        asyncio.run(SQLAlchemySession("s", engine=engine).get_items())
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for part in range(3):
                asyncio.run(_append_together(SQLAlchemySession("s", engine=engine), 10 * number + part))
        except BaseException as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(200)
    assert not errors
    assert not any(thread.is_alive() for thread in threads)
    items = asyncio.run(SQLAlchemySession("s", engine=engine).get_items())
    assert len(items) == 4 * 3 * 8


def test_an_engine_on_a_sqlite_file_in_one_loop_after_another(tmp_path: Path) -> None:
    """
    Fails without: db/engines/databases.py, `of_loops.get(loop)` (it is bound to a different event loop).
    """
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/s.db", pool_size=2, max_overflow=0)
    session = SQLAlchemySession("s", engine=engine, create_tables=True)

    async def use(number: int) -> None:
        await _append_together(session, number)
        # More readers than connections: they wait for the pool.
        await asyncio.gather(*(session.get_items() for _ in range(8)))

    for number in range(3):
        asyncio.run(use(number))
    assert len(asyncio.run(session.get_items())) == 3 * 8
    asyncio.run(engine.dispose())


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_pool_of_a_closed_loop_is_refused_until_it_is_disposed_of(postgres: Postgres) -> None:
    """
    Fails without: db/engines/databases.py, `if closed and not _renewed(engine)`.
    """
    engine = create_async_engine(postgres.new_database())
    session = SQLAlchemySession("s", engine=engine, create_tables=True)

    async def use(*, dispose: bool) -> None:
        await session.add_items([message("1")])
        if dispose:
            await engine.dispose()

    asyncio.run(use(dispose=True))
    # The pool is a new one.
    asyncio.run(use(dispose=False))
    for _ in range(2):
        with pytest.raises(RuntimeError, match="connections of an event loop that was closed"):
            asyncio.run(use(dispose=False))
    engine.sync_engine.dispose(close=False)
    asyncio.run(use(dispose=True))
    gc_quietly()


async def test_a_pool_of_another_running_loop_is_refused(url: str) -> None:
    """
    Fails without: db/engines/databases.py, `if len(of_loops) > len(closed)`.
    """
    engine = create_async_engine(url)
    session = SQLAlchemySession("s", engine=engine, create_tables=True)
    await session.add_items([message("1")])

    def elsewhere() -> Any:
        return asyncio.run(session.get_items())

    with pytest.raises(RuntimeError, match="belong to another event loop"):
        await asyncio.to_thread(elsewhere)
    assert await session.get_items() == [message("1")]
    await engine.dispose()


def test_many_loops_are_not_remembered(tmp_path: Path) -> None:
    """
    Fails without: db/engines/databases.py, `del of_loops[other]`.
    """
    from sessions.db.engines import databases as engines  # noqa: PLC0415 - what it remembers is looked at

    engine = create_async_engine(f"sqlite+aiosqlite:///{os.fspath(tmp_path)}/s.db", poolclass=NullPool)
    for _ in range(5):
        asyncio.run(SQLAlchemySession("s", engine=engine, create_tables=True).get_items())
    assert len(engines._databases[engine]) == 1

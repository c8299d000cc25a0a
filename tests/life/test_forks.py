"""Forks beside engines: a child reads and writes, and never on a connection of its parent's."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import SQLAlchemySession, open_store
from tests.sql.network import message

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

    from tests.sql.servers import MariaDB, Postgres

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
    # Other threads may run in pytest's process; what a child does here needs none of them.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

_HANGS_AFTER = 60


def _in_child(work: Callable[[], object]) -> str:
    """Return what a forked child says of `work`: "" if it went well, else its error."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 - the parent asserts on it
            os.write(writing, f"{type(error).__name__}: {error}"[:4000].encode())
            os._exit(1)
    os.close(writing)
    deadline = time.monotonic() + _HANGS_AFTER
    while not (ended := os.waitpid(child, os.WNOHANG))[0]:
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "it hangs"
        time.sleep(0.01)
    with os.fdopen(reading) as said:
        return said.read() or f"{'' if ended[1] == 0 else ended[1]}"


@contextmanager
def _loop_beside() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs in another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    asyncio.run_coroutine_threadsafe(loop.shutdown_asyncgens(), loop).result(_HANGS_AFTER)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def _add(session: SQLAlchemySession, text: str) -> None:
    asyncio.run(session.add_items([message(text)]))


@pytest.mark.parametrize("source", ["url", "own engine"])
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_children_beside_a_busy_writer_on_a_sqlite_file(tmp_path: Path, source: str, journal: str) -> None:
    """The child's session is a new object with the same URL; an engine of one's own is made in each process.

    Fails without: db/sqlalchemy/forks.py, `_close_files`, and `cursor.close()` in `_post_close`.
    """
    url = f"sqlite+aiosqlite:///{tmp_path}/s.db"
    with _loop_beside() as loop:

        def run(work: Coroutine[object, object, object]) -> object:
            return asyncio.run_coroutine_threadsafe(work, loop).result(_HANGS_AFTER)

        async def use_wal() -> None:
            engine = create_async_engine(url)
            async with engine.connect() as connection:
                await connection.exec_driver_sql(f"pragma journal_mode = {journal}")
            await engine.dispose()

        run(use_wal())
        engine = create_async_engine(url) if source == "own engine" else None
        session = (
            SQLAlchemySession("s", engine=engine, create_tables=True)
            if engine is not None
            else SQLAlchemySession.from_url("s", url=url, create_tables=True)
        )
        stop = threading.Event()
        added = 0

        async def write() -> None:
            nonlocal added
            while not stop.is_set():
                await session.add_items([message("x" * 500) for _ in range(50)])
                await session.get_items(60)
                added += 50

        run(session.get_items())
        writing = asyncio.run_coroutine_threadsafe(write(), loop)
        for number in range(5):
            time.sleep(0.05)
            said = _in_child(partial(_add, SQLAlchemySession.from_url("s", url=url), f"child {number}"))
            assert said == ""
        stop.set()
        writing.result(_HANGS_AFTER)
        items = run(session.get_items())
        assert isinstance(items, list)
        assert len(items) == added + 5
        run(session.aclose())
        if engine is not None:
            run(engine.dispose())


def test_a_fork_in_the_middle_of_the_loop_that_writes(tmp_path: Path) -> None:
    """The loop is the one that forks: what it has under way is rolled back and done again.

    Fails without: db/sqlalchemy/forks.py, `_close_files`; db/sqlalchemy/errors.py, `_is_of_closed_file`.
    """
    url = f"sqlite+aiosqlite:///{tmp_path}/s.db"

    async def main() -> None:
        store = open_store(url, create_tables=True)
        session = store.session("s")
        await session.get_items()
        writing = [asyncio.create_task(session.add_items([message(str(n)) for _ in range(200)])) for n in range(20)]
        for number in range(5):
            await asyncio.sleep(0.02)

            def child(number: int = number) -> None:
                thread = threading.Thread(target=_add, args=(SQLAlchemySession.from_url("s", url=url), f"c{number}"))
                thread.start()
                thread.join()

            assert _in_child(child) == ""
        await asyncio.gather(*writing)
        items = await session.get_items()
        assert len([item for item in items if str(item["content"]).isdigit()]) == 20 * 200
        assert sorted(item["content"] for item in items if str(item["content"])[0] == "c") == [
            f"c{n}" for n in range(5)
        ]
        await store.close()

    asyncio.run(main())


def test_a_database_in_memory_stays_with_its_process() -> None:
    """
    Fails without: db/engines/of_loop.py, `if self._key in _memories`.
    """
    with _loop_beside() as loop:
        session = SQLAlchemySession.from_url("s", url="sqlite+aiosqlite://", create_tables=True)
        asyncio.run_coroutine_threadsafe(session.add_items([message("1")]), loop).result(_HANGS_AFTER)
        assert "the one that made a database in memory" in _in_child(lambda: _add(session, "2"))
        asyncio.run_coroutine_threadsafe(session.aclose(), loop).result(_HANGS_AFTER)


@pytest.fixture(params=["asyncpg", "psycopg", "aiomysql", "asyncmy"])
def driven(request: pytest.FixtureRequest) -> str:
    """The URL of a new database on a server, by each driver."""
    is_postgres = request.param in ("asyncpg", "psycopg")
    server: Postgres | MariaDB = request.getfixturevalue("postgres" if is_postgres else "mariadb")
    url = make_url(server.new_database())
    return url.set(drivername=f"{url.get_backend_name()}+{request.param}").render_as_string(hide_password=False)


def test_children_beside_connections_to_a_server(driven: str) -> None:
    """The parent goes on with its connections, also when the child has used and dropped what it inherited.

    Fails without: db/engines/databases.py, `forks.after_fork.append(…)` (the child speaks on its parent's socket).
    """
    with _loop_beside() as loop:
        session = SQLAlchemySession.from_url("s", url=driven, create_tables=True)

        def run(work: Coroutine[object, object, object]) -> object:
            return asyncio.run_coroutine_threadsafe(work, loop).result(_HANGS_AFTER)

        run(session.add_items([message("0")]))
        for number in range(3):
            assert _in_child(partial(_add, session, f"child {number}")) == ""
            run(session.add_items([message(f"parent {number}")]))
        items = run(session.get_items())
        expected = [message("0")]
        for number in range(3):
            expected += [message(f"child {number}"), message(f"parent {number}")]
        assert items == expected
        run(session.aclose())


def test_an_engine_of_ones_own_is_refused_in_a_child(driven: str) -> None:
    """Until it has a pool of the child's.

    Fails without: db/engines/databases.py, `_inherited`.
    """
    with _loop_beside() as loop:
        engine = create_async_engine(driven)
        session = SQLAlchemySession("s", engine=engine, create_tables=True)
        asyncio.run_coroutine_threadsafe(session.add_items([message("0")]), loop).result(_HANGS_AFTER)

        def renewed() -> None:
            engine.sync_engine.dispose(close=False)
            _add(session, "1")

        assert "belong to the parent process of this fork" in _in_child(lambda: _add(session, "1"))
        assert _in_child(renewed) == ""
        items = asyncio.run_coroutine_threadsafe(session.get_items(), loop).result(_HANGS_AFTER)
        assert items == [message("0"), message("1")]
        asyncio.run_coroutine_threadsafe(engine.dispose(), loop).result(_HANGS_AFTER)

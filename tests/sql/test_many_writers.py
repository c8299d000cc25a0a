"""Four processes of sixteen tasks append at once; then every item is looked at."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import open_store
from sessions.testing.session import check_batches

from .processes import run_together

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

    from .servers import MariaDB, Postgres

_PROCESSES, _TASKS, _PARTS = 4, 16, 3


@pytest.fixture(params=["postgres", "mariadb"])
def server_url(request: pytest.FixtureRequest) -> str:
    server: Postgres | MariaDB = request.getfixturevalue(request.param)
    return str(request.getfixturevalue("lend")(server))


def _batch(writer: int, batch: int) -> list[dict[str, Any]]:
    return [{"writer": writer, "batch": batch, "part": part} for part in range(_PARTS)]


@pytest.mark.parametrize(("session_count", "batches"), [(1, 10), (12, 12)], ids=["one session", "many sessions"])
def test_nothing_is_lost_doubled_or_reordered(server_url: str, session_count: int, batches: int) -> None:
    """The tables are made by whoever is first; so are the sessions.

    Fails without: log/fast/postgres.py, `if number not in done` in `append_together` (`if False`); on MariaDB,
    log/statements/extend.py, `set tip = tip + :count` in ADVANCE_TIP (a count of 1).
    """
    run_together(_PROCESSES, _append, server_url, session_count, batches)

    async def check() -> None:
        async with open_store(server_url) as store:
            for name in range(session_count):
                found = await store.session(f"conversation {name}").get_items()
                # Each task is at this session once in as many batches as there are sessions.
                rounds = batches // session_count
                renumbered = [{**item, "batch": item["batch"] // session_count} for item in found]
                check_batches(renumbered, writers=_PROCESSES * _TASKS, batches=rounds, parts=_PARTS)

    asyncio.run(check())


def _append(process: int, barrier: Barrier, url: str, session_count: int, batches: int) -> None:
    async def write_all() -> None:
        async with open_store(url, create_tables=True) as store:

            async def write(task: int) -> None:
                writer = process * _TASKS + task
                for batch in range(batches):
                    name = f"conversation {(task + batch) % session_count}"
                    # Some bring a key of their own.
                    key = f"{writer}.{batch}" if batch % 3 == 0 else None
                    await store.session(name).add_items(_batch(writer, batch), idempotency_key=key)

            await asyncio.gather(*map(write, range(_TASKS)))

    barrier.wait()
    asyncio.run(write_all())


_NEW_SESSIONS = 15


def test_one_new_session_is_made_once_by_many_processes(server_url: str) -> None:
    """
    Fails without: log/statements/sessions.py, `on conflict (session_id) do update` in CREATE_SESSION.
    """

    async def prepare() -> None:
        async with open_store(server_url, create_tables=True) as store:
            await store.sessions()

    asyncio.run(prepare())
    run_together(_PROCESSES, _begin_sessions, server_url)

    async def check() -> None:
        async with open_store(server_url) as store:
            assert len(await store.sessions()) == _NEW_SESSIONS
            for number in range(_NEW_SESSIONS):
                found = await store.session(f"new {number}").get_items()
                check_batches(found, writers=_PROCESSES, batches=1, parts=_PARTS)

    asyncio.run(check())


def _begin_sessions(process: int, barrier: Barrier, url: str) -> None:
    async def begin() -> None:
        async with open_store(url) as store:
            await store.sessions()
            for number in range(_NEW_SESSIONS):
                await asyncio.to_thread(barrier.wait)
                await store.session(f"new {number}").add_items(_batch(process, 0))

    asyncio.run(begin())


_PROCESSES_AT_ONCE, _ENGINES = 20, 3


def test_twenty_processes_that_begin_at_once_make_the_tables_once(server_url: str) -> None:
    """Each with three engines, which surely get in each other's way.

    Fails without: db/migration_statements.py, `pg_advisory_xact_lock` in LOCK_SCHEMA ("select 1").
    """
    run_together(_PROCESSES_AT_ONCE, _migrate, server_url)

    async def check() -> None:
        async with open_store(server_url) as store:
            found = await store.session("s").get_items()
            check_batches(found, writers=_PROCESSES_AT_ONCE * _ENGINES, batches=1, parts=_PARTS)

    asyncio.run(check())


def _migrate(process: int, barrier: Barrier, url: str) -> None:
    async def begin() -> None:
        engines = [create_async_engine(url) for _ in range(_ENGINES)]
        for engine in engines:
            async with engine.connect():
                pass
        await asyncio.to_thread(barrier.wait)
        sessions = [open_store(engine, create_tables=True).session("s") for engine in engines]
        await asyncio.gather(
            *(session.add_items(_batch(process * _ENGINES + n, 0)) for n, session in enumerate(sessions))
        )
        for engine in engines:
            await engine.dispose()

    asyncio.run(begin())


_WHOLE_BATCHES = 60


def test_readers_and_clears_beside_appends_see_whole_batches(server_url: str) -> None:
    """Two processes append, one reads and one clears, and pops from another session that the others fill."""
    run_together(4, _mix, server_url)

    async def check() -> None:
        async with open_store(server_url) as store:
            _check_whole(await store.session("cleared").get_items())
            left = await store.session("popped").get_items()
            popped = await store.session("what was popped").get_items()
            gone = [(item["writer"], item["batch"], item["part"]) for item in popped]
            kept = [(item["writer"], item["batch"], item["part"]) for item in left]
            assert sorted(gone + kept) == [(w, b, p) for w in (0, 1) for b in range(_WHOLE_BATCHES) for p in range(3)]

    asyncio.run(check())


def _check_whole(items: list[Any]) -> None:
    for start in range(0, len(items), _PARTS):
        first = items[start]
        assert items[start : start + _PARTS] == _batch(first["writer"], first["batch"])


def _mix(process: int, barrier: Barrier, url: str) -> None:
    async def mix() -> None:
        async with open_store(url, create_tables=True) as store:
            cleared, popped, log = (store.session(name) for name in ("cleared", "popped", "what was popped"))
            for batch in range(_WHOLE_BATCHES):
                if process < 2:
                    await cleared.add_items(_batch(process, batch))
                    await popped.add_items(_batch(process, batch))
                elif process == 2:
                    _check_whole(await cleared.get_items())
                    _check_whole(await cleared.get_items(9))
                    await store.sessions()
                elif batch % 10 == 9:
                    await cleared.clear_session()
                elif item := await popped.pop_item():
                    await log.add_items([item])

    barrier.wait()
    asyncio.run(mix())

"""Watching on servers: writers notify those who watch, and only while somebody does; connections end meanwhile."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import EncryptedSession, SessionClosedError, SQLAlchemySession, generate_key, open_store
from sessions.db.dialect import BUCKETS, POSTGRES, WATCHERS_CHANNEL
from sessions.db.sqlalchemy import polling
from sessions.db.words import words
from sessions.log.schema import LOG
from sessions.log.statements.sessions import BUMP_VERSION
from sessions.testing.watching import shown, take

from .network import message
from .processes import running_together
from .test_pgbouncer import ENGINE_KWARGS, bounced_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from multiprocessing.synchronize import Barrier

    from sessions import LogSession, Store

    from .network import Network
    from .servers import Postgres

__all__ = ["bounced_url"]

_PER_PROCESS = 30


@pytest.fixture
def told_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks by himself within the time of a test: who is not told sees nothing."""
    monkeypatch.setattr(polling, "_SHORTEST", 3600.0)
    monkeypatch.setattr(polling, "_LONGEST", 3600.0)


@pytest.fixture
async def store(postgres: Postgres) -> AsyncIterator[Store]:
    async with open_store(postgres.new_database(), create_tables=True) as opened:
        yield opened


@asynccontextmanager
async def _heard(session: LogSession) -> AsyncIterator[Callable[[], Any]]:
    """Give a function that returns the number of notifications since it was called last."""
    backend: Any = session._handle.backend
    url = backend.engine().url.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(url)
    heard: list[str] = []
    ready = asyncio.Event()

    async def count() -> int:
        ready.clear()
        # They come in the order of the commits.
        await connection.execute(f"notify {WATCHERS_CHANNEL}, 'ready'")
        await ready.wait()
        found = len(heard)
        heard.clear()
        return found

    def hear(_: object, __: int, ___: str, payload: object) -> None:
        if payload == "ready":
            ready.set()
        else:
            heard.append(str(payload))

    await connection.add_listener(WATCHERS_CHANNEL, hear)
    try:
        yield count
    finally:
        await connection.close()


async def _use(session: LogSession, store: Store) -> None:
    """Change a session in every way."""
    for step in _steps(session, store):
        await step()


@pytest.mark.usefixtures("told_only")
@pytest.mark.parametrize("encrypted", [False, True])
async def test_every_change_is_told(store: Store, *, encrypted: bool) -> None:
    """Fails without: `{tell_watchers}` in BUMP_VERSION, CREATE_SESSION, DELETE_SESSION, APPEND or APPEND_MANY."""
    session: LogSession = store.session("s")
    if encrypted:
        session = EncryptedSession("s", session, generate_key())
    async with aclosing(session.watch(after=0)) as watch:
        changes: asyncio.Queue[str] = asyncio.Queue()

        async def follow() -> None:
            async for change in watch:
                changes.put_nowait(change.kind)

        following = asyncio.create_task(follow())
        async with asyncio.timeout(60):
            for operation in _steps(session, store):
                await operation()
                await changes.get()
        following.cancel()
        await asyncio.wait([following])


@pytest.mark.usefixtures("told_only")
async def test_an_engine_whose_listeners_leave_connections_in_a_transaction(postgres: Postgres) -> None:
    """Fails without: db/postgres/listening.py, `end_what_listeners_began`."""
    engine = create_async_engine(postgres.new_database())

    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection: Any, *_: object) -> None:
        cursor = connection.cursor()
        cursor.execute("set lock_timeout = 12345")
        cursor.close()

    session = open_store(engine, create_tables=True).session("s")
    async with asyncio.timeout(30), aclosing(session.watch(after=0)) as watch:
        for number in range(6):
            await session.add_items([message(str(number))])
            assert (await anext(watch)).items == [message(str(number))]
    await engine.dispose()


def _steps(session: LogSession, store: Store) -> list[Any]:
    async def with_others() -> None:
        await asyncio.gather(*(one.add_items([message("2")]) for one in (session, *map(store.session, "abc"))))

    return [
        lambda: session.add_items([message("1")]),
        lambda: session.add_items([message("1")]),
        with_others,
        session.pop_item,
        session.undo,
        session.redo,
        lambda: session.branches.create("other", switch=True),
        lambda: session.branches.switch("main"),
        lambda: session.add_items([message("3")], idempotency_key="k"),
        session.clear_session,
        lambda: store.delete(session.session_id),
    ]


async def test_nobody_is_told_while_nobody_watches(store: Store, postgres: Postgres) -> None:
    """Nor of sessions that nobody watches while others are watched.

    Fails without: db/postgres/listening.py, `_UNLOCK`; db/dialect.py, `when pg_try_advisory_lock`.
    """
    session, other = store.session("s"), store.session("other")
    async with _heard(session) as count:

        async def watched(sessions: int) -> None:
            """Wait until so many sessions are watched, as the server sees it."""
            async with asyncio.timeout(60):
                while postgres.rows("select count(*) from pg_locks where locktype = 'advisory'") != [str(sessions)]:
                    await asyncio.sleep(0.05)

        await _use(session, store)
        await session.add_items([message("0")])
        assert await count() == 0
        async with aclosing(session.watch(after=0)) as watch:
            await take(watch, 1)
            async with aclosing(other.watch()) as other_watch:
                waiting = asyncio.create_task(take(other_watch, 1))
                await watched(2)
                await other.add_items([message("1")])
                assert await count() == 1
                await waiting
            await watched(1)
            await _use(other, store)
            assert await count() == 0
            await session.add_items([message("1")])
            assert await count() == 1
        await watched(0)
        await _use(session, store)
        assert await count() == 0


async def test_many_who_watch_hold_few_locks(store: Store, postgres: Postgres) -> None:
    """
    And each is told of its own session alone.

    Fails without: db/dialect.py, `& {BUCKETS - 1}`.
    """
    sessions = [store.session(f"s {number}") for number in range(300)]
    watches = [session.watch() for session in sessions]
    waiting = [asyncio.create_task(take(watch, 1)) for watch in watches]
    count = "select count(*) from pg_locks where locktype = 'advisory' and granted"
    async with asyncio.timeout(60):
        while postgres.rows(count) != [str(BUCKETS)]:
            await asyncio.sleep(0.05)
    assert BUCKETS <= 64
    for session, seen in zip(sessions[:20], waiting[:20], strict=True):
        await session.add_items([message(session.session_id)])
        assert shown(await seen) == [("appended", session.session_id)]
    assert not any(seen.done() for seen in waiting[20:])
    for seen in waiting[20:]:
        seen.cancel()
    await asyncio.wait(waiting)
    for watch in watches:
        await watch.aclose()
    async with asyncio.timeout(60):
        while postgres.rows(count) != ["0"]:
            await asyncio.sleep(0.05)


@pytest.mark.usefixtures("told_only")
async def test_a_change_that_had_begun_before_somebody_watched_is_not_missed(store: Store, postgres: Postgres) -> None:
    """
    It has found nobody who watches, and is committed when somebody does.

    Fails without: db/postgres/listening.py, `0 < since <= oldest` (as `0 < since`).
    """
    session: LogSession = store.session("s")
    await session.add_items([message("0")])
    version = await session.version()
    backend: Any = session._handle.backend
    url = backend.engine().url.set(drivername="postgresql").render_as_string(hide_password=False)
    (bump_version,) = BUMP_VERSION.render(POSTGRES, words((LOG,), POSTGRES))
    writer = await asyncpg.connect(url)
    async with _heard(session) as count:
        await writer.execute("begin")
        await writer.execute(bump_version.replace(":now", "1").replace(":session_id", "'s'"))
        watch = session.watch(after=version)
        waiting = asyncio.create_task(take(watch, 1))
        async with asyncio.timeout(60):
            while postgres.rows("select count(*) from pg_locks where locktype = 'advisory'") != ["1"]:
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        await writer.execute(
            "insert into agent_log_changes (session, version, what, created_at)"
            " select id, version, 'purged', 1 from agent_log_sessions where session_id = 's'"
        )
        assert not waiting.done()
        await writer.execute("commit")
        assert shown(await waiting) == [("purged", "")]
        assert await count() == 0
    await watch.aclose()
    await writer.close()


async def _see_all(network: Network, session: LogSession, end: Callable[[], Any]) -> None:
    """Have connections end while somebody watches, and see that nothing is missed or seen twice."""
    writer = SQLAlchemySession.from_url("s", url=network.direct, create_tables=True)
    async with aclosing(session.watch(after=0)) as watch:
        for round_ in range(3):
            await writer.add_items([message(f"{round_} before")])
            assert shown(await take(watch, 1)) == [("appended", f"{round_} before")]
            waiting = asyncio.create_task(take(watch, 3))
            await asyncio.sleep(0.2)
            end()
            for number in range(3):
                await writer.add_items([message(f"{round_} {number}")])
            assert shown(await waiting) == [("appended", f"{round_} {number}") for number in range(3)]
    await writer._sql.aclose()


async def test_connections_are_cut(network: Network) -> None:
    session = network.session()
    await _see_all(network, session, network.proxy.cut)


@pytest.mark.usefixtures("told_only")
async def test_the_listening_connection_is_cut(postgres_network: Network) -> None:
    """Fails without: db/postgres/listening.py, `self._wake(self._wakers)` in `_run`."""
    session = postgres_network.session()
    await _see_all(postgres_network, session, postgres_network.proxy.cut)


@pytest.mark.usefixtures("told_only")
async def test_the_server_ends_all_connections(postgres_network: Network) -> None:
    server = postgres_network.server
    await _see_all(
        postgres_network, postgres_network.session(), lambda: server.end_connections(postgres_network.database)
    )


async def test_behind_pgbouncer_those_who_watch_look_by_themselves(bounced_url: str, postgres: Postgres) -> None:
    """There, no lock is left on a connection of the server that others use.

    Fails without: db/postgres/listening.py, `connection.get_server_pid()`.
    """
    async with open_store(bounced_url, create_tables=True, engine_kwargs=ENGINE_KWARGS) as store:
        session = store.session("s")
        async with aclosing(session.watch(after=0)) as watch:
            for number in range(5):
                waiting = asyncio.create_task(take(watch, 1))
                await asyncio.sleep(0.2)
                await store.session("s").add_items([message(str(number))])
                assert shown(await waiting) == [("appended", str(number))]
        assert postgres.rows("select count(*) from pg_locks where locktype = 'advisory'") == ["0"]


@pytest.mark.usefixtures("told_only")
async def test_who_writes_behind_pgbouncer_tells_others(bounced_url: str, postgres: Postgres) -> None:
    direct = make_url(bounced_url).set(port=postgres.port).render_as_string(hide_password=False)
    async with (
        open_store(bounced_url, create_tables=True, engine_kwargs=ENGINE_KWARGS) as writers,
        open_store(direct, create_tables=True) as store,
        aclosing(store.session("s").watch(after=0)) as watch,
    ):
        for number in range(3):
            waiting = asyncio.create_task(take(watch, 1))
            await asyncio.sleep(0.2)
            await writers.session("s").add_items([message(str(number))])
            assert shown(await waiting) == [("appended", str(number))]


async def test_a_pool_of_one_connection_is_left_to_others(postgres: Postgres) -> None:
    """Fails without: db/postgres/listening.py, `pooled.detach`."""
    engine = create_async_engine(postgres.new_database(), pool_size=1, max_overflow=0, pool_timeout=5)
    session = SQLAlchemySession("s", engine=engine, create_tables=True)
    async with aclosing(session.watch(after=0)) as watch:
        for number in range(3):
            waiting = asyncio.create_task(take(watch, 1))
            await asyncio.sleep(0.2)
            await session.add_items([message(str(number))])
            assert shown(await waiting) == [("appended", str(number))]
    await engine.dispose()
    database = engine.url.database
    count = f"select count(*) from pg_stat_activity where datname = '{database}'"  # noqa: S608
    async with asyncio.timeout(60):
        while postgres.rows(count) != ["0"]:
            # The server ends its side when it reads that ours has ended.
            await asyncio.sleep(0.05)


async def test_many_sessions_are_watched(url: str) -> None:
    """More than one look takes, and each sees its own.

    Fails without: db/sqlalchemy/polling.py, `range(0, len(topics), AT_ONCE)`.
    """
    async with open_store(url, create_tables=True) as store:
        sessions = [store.session(f"s {number}") for number in range(130)]
        watches = [session.watch(after=0) for session in sessions]
        waiting = [asyncio.create_task(take(watch, 1)) for watch in watches]
        await asyncio.sleep(0.5)
        for session in sessions:
            await session.add_items([message(session.session_id)])
        for session, first in zip(sessions, waiting, strict=True):
            assert shown(await first) == [("appended", session.session_id)]
        for watch in watches:
            await watch.aclose()


async def test_who_waits_on_a_store_that_is_closed_is_told(url: str) -> None:
    """Fails without: db/engines/backend.py, `waker.wake()`."""
    store = open_store(url, create_tables=True)
    session = store.session("s")
    await session.add_items([message("1")])
    watch = session.watch(after=0)
    await take(watch, 1)
    waiting = asyncio.create_task(take(watch, 1))
    await asyncio.sleep(0.2)
    await store.close()
    with pytest.raises(SessionClosedError):
        await waiting


def test_writers_in_other_processes_one_of_which_is_killed(url: str) -> None:
    """What is seen is what is stored, in that order."""

    async def check() -> None:
        async with open_store(url, create_tables=True) as store:
            session = store.session("s")
            await session.add_items([message("begin")])
            with running_together(3, _write, url) as processes:
                async with aclosing(session.watch(after=0)) as watch:
                    seen: list[Any] = []
                    while len(seen) < 20:
                        (change,) = await take(watch, 1)
                        seen += change.items
                    processes[0].kill()
                    for process in processes:
                        await asyncio.to_thread(process.join)
                    await session.add_items([message("end")])
                    while seen[-1] != message("end"):
                        (change,) = await take(watch, 1)
                        seen += change.items
                    assert seen == await session.get_items()
                    assert len(seen) >= 2 + 2 * _PER_PROCESS

    asyncio.run(check())


def _write(process: int, barrier: Barrier, url: str) -> None:
    async def work() -> None:
        async with open_store(url) as store:
            for number in range(_PER_PROCESS):
                await store.session("s").add_items([message(f"{process}.{number}")])

    barrier.wait()
    asyncio.run(work())

"""Engines for URLs go with their last holder, or with their event loop."""

from __future__ import annotations

import asyncio
import gc
import ssl
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from agents import SQLiteSession as TheirSession

from sessions import (
    AdvancedSQLAlchemySession,
    AsyncSQLiteSession,
    EncryptedSession,
    SQLAlchemySession,
    SQLiteSession,
    generate_key,
    open_store,
)
from sessions.db.sqlalchemy import shared_engine
from sessions.errors import SessionClosedError
from tests.life.quiet import gc_quietly
from tests.sql.network import message

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sql.servers import Postgres


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.05)


async def _use(session: SQLAlchemySession) -> None:
    await session.add_items([message("hello")])


@pytest.mark.parametrize("new", ["a password from a function", "a password in the URL", "a TLS context"])
async def test_an_engine_for_each_request_is_not_kept(
    postgres: Postgres, connections_to: Callable[[str], int], new: str
) -> None:
    """
    Fails without: db/sqlalchemy/shared_engine.py, `_gone` and `_MOST_LINGERING`.
    """
    url = postgres.new_database()
    for number in range(20):
        options: dict[str, Any] = {}
        if new == "a password from a function":
            options = {"connect_args": {"password": lambda number=number: f"token-{number}"}}
        elif new == "a TLS context":
            # The server has no TLS, so another method of one that is equal to no other stands for it.
            options = {"connect_args": {"password": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).__str__}}
        here = url if "URL" not in new else url.replace("postgres@", f"postgres:token-{number}@")
        await _use(SQLAlchemySession.from_url(f"user-{number}", url=here, engine_kwargs=options, create_tables=True))
        gc.collect()
    assert len(shared_engine.engines) <= 5
    await _until(lambda: connections_to(url) == 0)


async def test_equal_options_are_one_engine_and_others_are_not(postgres: Postgres) -> None:
    """What an option's `repr` shows may be equal for two that differ, as that of a secret.

    Fails without: db/engines/of_loop.py, `_Same` (the second secret's session uses the first one's engine).
    """

    class Secret:
        def __init__(self, value: str) -> None:
            self.value = value

        def __repr__(self) -> str:
            return "Secret('***')"

        def __call__(self) -> str:
            return self.value

    url = postgres.new_database()
    first, second = Secret("one"), Secret("two")

    def made(secret: Secret) -> SQLAlchemySession:
        options = {"connect_args": {"password": secret}, "pool_size": 2}
        return SQLAlchemySession.from_url("s", url=url, engine_kwargs=options, create_tables=True)

    sessions = [made(first), made(first), made(second)]
    for session in sessions:
        await _use(session)
    assert sessions[0].engine is sessions[1].engine
    assert sessions[0].engine is not sessions[2].engine
    for session in sessions:
        await session.aclose()


async def test_the_last_hold_lingers_for_two_seconds_at_most(
    postgres: Postgres, connections_to: Callable[[str], int]
) -> None:
    """
    Fails without: db/sqlalchemy/shared_engine.py, `self._timer = …` in `unheld` (each request makes an engine), or
    `self.end_soon` in it (it stays).
    """
    url = postgres.new_database()
    engines = set()
    for _ in range(5):
        session = SQLAlchemySession.from_url("s", url=url, create_tables=True)
        await _use(session)
        engines.add(session.engine)
        await session.close()
    assert len(engines) == 1
    assert shared_engine.LINGER <= 2
    await _until(lambda: connections_to(url) == 0)


@pytest.mark.parametrize("how", ["aclose", "store"])
async def test_what_ends_an_engine_at_once(
    postgres: Postgres, connections_to: Callable[[str], int], how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that lingers.

    Fails without: db/engines/of_loop.py, `await shared.dispose()` in `let_go`.
    """
    monkeypatch.setattr(shared_engine, "LINGER", 3600)
    url = postgres.new_database()
    session = SQLAlchemySession.from_url("s", url=url, create_tables=True)
    await _use(session)
    if how == "aclose":
        await session.close()
        assert connections_to(url) == 1
        await session.aclose()
    else:
        store = open_store(url)
        await store.session("s").get_items()
        await session.close()
        assert connections_to(url) == 1
        await store.close()
    await _until(lambda: connections_to(url) == 0)


def test_a_lingering_engine_ends_with_its_loop(
    postgres: Postgres, connections_to: Callable[[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Fails without: db/sqlalchemy/shared_engine.py, `_dispose_at_end`.
    """
    monkeypatch.setattr(shared_engine, "LINGER", 3600)
    url = postgres.new_database()

    async def request() -> None:
        session = SQLAlchemySession.from_url("s", url=url, create_tables=True)
        await _use(session)
        await session.close()

    asyncio.run(request())
    asyncio.run(_until(lambda: connections_to(url) == 0))


@pytest.mark.parametrize("kept", ["a session each", "one session"])
@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_loops_that_are_closed_by_hand_leave_no_connections(
    postgres: Postgres, connections_to: Callable[[str], int], kept: str, driver: str
) -> None:
    """
    Fails without: db/sqlalchemy/shared_engine.py, `sweep`; db/sqlalchemy/severing.py, `os.dup2`.
    """
    url = postgres.new_database()
    own = url.replace("asyncpg", driver)
    session = SQLAlchemySession.from_url("s", url=own, create_tables=True) if kept == "one session" else None

    async def turn() -> None:
        await _use(session or SQLAlchemySession.from_url("s", url=own, create_tables=True))

    for _ in range(6):
        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(turn())
        finally:
            loop.close()
    asyncio.run(_until(lambda: connections_to(url) <= 1))
    assert len(shared_engine.engines) <= 1
    # The next engine lets go of the last one.
    asyncio.run(turn())
    asyncio.run(_until(lambda: connections_to(url) == 0))
    assert not shared_engine.engines
    gc_quietly()


async def test_every_class_can_be_closed(url: str) -> None:
    """
    Fails without: session/base.py, `aclose`; sqlalchemy.py, `close`; encrypted.py, `close`.
    """
    key = generate_key()
    makes: list[Callable[[], Any]] = [
        lambda: SQLAlchemySession.from_url("s", url=url, create_tables=True),
        lambda: AdvancedSQLAlchemySession.from_url("s", url=url, create_tables=True),
        lambda: EncryptedSession("e", SQLAlchemySession.from_url("e", url=url, create_tables=True), key),
        lambda: EncryptedSession("f", AdvancedSQLAlchemySession.from_url("f", url=url, create_tables=True), key),
    ]
    for make in makes:
        for name in ("close", "aclose"):
            session = make()
            await session.add_items([message("1")])
            await getattr(session, name)()
            await getattr(session, name)()
            with pytest.raises(SessionClosedError, match="is closed"):
                await session.get_items()
            again = make()
            assert message("1") in await again.get_items()
            await again.aclose()


async def test_a_session_of_a_store_closes_itself_and_not_the_store(url: str) -> None:
    """
    Fails without: session/base.py, `aclose` (the store's other sessions are closed, too, or this one goes on).
    """
    async with open_store(url, create_tables=True) as store:
        for name in ("close", "aclose"):
            session = store.session("s")
            await session.add_items([message(name)])
            await getattr(session, name)()
            with pytest.raises(SessionClosedError, match="session 's' is closed"):
                await session.get_items()
            assert await store.session("s").get_items(1) == [message(name)]


def test_a_session_closed_by_another_loop_lets_go_in_all(
    postgres: Postgres, connections_to: Callable[[str], int]
) -> None:
    """
    Fails without: db/engines/of_loop.py, `loop.call_soon_threadsafe` in `let_go`.
    """
    url = postgres.new_database()
    session = SQLAlchemySession.from_url("s", url=url, create_tables=True)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(_use(session), loop).result(60)
        assert connections_to(url) == 1
        asyncio.run(session.aclose())
        asyncio.run(_until(lambda: connections_to(url) == 0))
    finally:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


@pytest.mark.parametrize("how", ["awaited", "not awaited"])
async def test_an_encrypted_session_closes_any_session_underneath(tmp_path: Path, how: str) -> None:
    """
    Fails without: encrypted.py, `close` (or, of what is closed without waiting, `_Done`).
    """

    class Mine(SQLiteSession):
        """One of somebody else's."""

    key = generate_key()
    makes: tuple[Any, ...] = (SQLiteSession, Mine, AsyncSQLiteSession, TheirSession)
    for make in makes:
        underlying = make("s", tmp_path / f"{make.__name__}.db")
        session = EncryptedSession("s", underlying, key)
        await session.add_items([message("1")])
        waiting = session.close()
        if how == "awaited" or make is AsyncSQLiteSession:
            await waiting
        with pytest.raises(Exception, match="closed"):
            await underlying.get_items()


async def test_closing_twice_opens_no_connection(postgres: Postgres, connections_to: Callable[[str], int]) -> None:
    """Also where something expires, which is looked for before the engine is let go.

    Fails without: db/engines/backend.py, `used, self._used = self._used, None`.
    """
    url = postgres.new_database()
    session = SQLAlchemySession.from_url("s", url=url, create_tables=True, ttl=3600)
    await _use(session)
    for _ in range(3):
        await session.aclose()
    await _until(lambda: connections_to(url) == 0)


@pytest.mark.parametrize("closed_by_hand", [False, True], ids=["run", "closed by hand"])
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore:loop is closed:ResourceWarning")
def test_engines_of_loops_that_ended_are_garbage(url: str, *, closed_by_hand: bool) -> None:
    """Neither an object nor a number of a file stays of each.

    Fails without: db/engines/databases.py, `weakref.ref(engine.pool)`.
    """
    session = SQLAlchemySession.from_url("s", url=url, create_tables=True)

    def use() -> tuple[int, int]:
        for _ in range(6):
            if closed_by_hand:
                loop = asyncio.new_event_loop()
                loop.run_until_complete(_use(session))
                loop.close()
            else:
                asyncio.run(_use(session))
        gc_quietly()
        kept = sum(issubclass(type(found), shared_engine.SharedEngine) for found in gc.get_objects())
        return kept, len(list(Path("/proc/self/fd").iterdir()))

    first = use()
    # A thread of SQLite's driver may have a connection for a moment.
    assert any(use() <= first for _ in range(20))
    if not url.startswith("sqlite"):
        # Otherwise the engine of the last loop is released in a later test, by the next engine that is made.
        asyncio.run(session.aclose())
    gc_quietly()

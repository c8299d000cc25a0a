"""A network that swallows packets, or a server that is stopped: no connection ends, and no answer ever comes.

The sessions that meet the fault give up after a second. What is expected does not depend on how long anything takes
otherwise: with a short time for each attempt, there are more attempts.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from sessions import SQLAlchemySession
from sessions.db.sqlalchemy import retry
from sessions.errors import OutcomeUnknownError, StoreError, StoreUnreachableError
from tests.faults.numbered import KINDS, nothing_is_damaged, numbered

from .network import message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .network import Network
    from .servers import Postgres

_SECONDS = 1.0
_FEW = 3


async def _ready(network: Network) -> SQLAlchemySession:
    """Return a session with two items that gives up soon, and has connections."""
    session = network.session("marked", attempt_timeout=_SECONDS)
    await network.session("marked").add_items([message("1"), message("2")])
    await session.get_items()
    return session


async def test_an_append_whose_answer_is_swallowed_is_added_once(network: Network) -> None:
    """
    Fails without: db/sqlalchemy/deadline.py, `self._timer = …` (it never ends).
    """
    session = await _ready(network)
    network.proxy.lose_answer_to(network.commit_of(b"marked"), silently=True)
    await session.add_items([message("3")])
    assert network.proxy.losses == 1
    assert await network.stored("marked") == [message("1"), message("2"), message("3")]


async def test_a_read_whose_answer_is_swallowed_is_repeated(network: Network) -> None:
    """
    Fails without: db/sqlalchemy/deadline.py, `self._timer = …` (it never ends).
    """
    session = await _ready(network)
    network.proxy.lose_answer_to(b"marked", silently=True)
    assert await session.get_items() == [message("1"), message("2")]
    assert network.proxy.losses == 1


@pytest.mark.parametrize("change", ["pop", "clear"])
async def test_a_change_whose_answer_is_swallowed_is_not_repeated(network: Network, change: str) -> None:
    """
    Fails without: db/sqlalchemy/deadline.py, `self._timer = …` (it never ends).
    """
    session = await _ready(network)
    network.proxy.lose_answer_to(network.commit, silently=True)
    with pytest.raises(OutcomeUnknownError, match=r"session 'marked': .* \(tried once in .* was TimeoutError\)"):
        await (session.pop_item() if change == "pop" else session.clear_session())
    assert network.proxy.losses == 1
    left = [message("1")] if change == "pop" else []
    assert await network.stored("marked") == left
    assert await session.get_items() == left


async def test_when_nothing_passes_any_more_every_operation_ends_with_the_right_error(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On connections that were there before, and on new ones. Closing does not wait for the network either.

    Fails without: db/postgres/database.py, `or reads` (a read of unknown outcome); db/sqlalchemy/retry.py,
    `all(… for each in failures)` (an append that reached the server is said to have changed nothing, because the last
    attempt did not); db/sqlalchemy/deadline.py, `asyncio.timeout(seconds)` in `dispose` (closing never ends).
    """
    monkeypatch.setattr(retry, "ATTEMPTS", _FEW)
    session = await _ready(network)
    reader = network.session("marked", attempt_timeout=_SECONDS, engine_kwargs={"pool_size": 2})
    for each in (session, reader):
        await each.get_items()
        connections = [await each.engine.connect() for _ in range(2)]
        for connection in connections:
            await connection.close()
    network.proxy.swallowing = True
    # On Postgres the change is the one request that is sent; on MariaDB it is not committed before the last.
    with pytest.raises(StoreError, match=r"tried 3 times .* was TimeoutError") as failed:
        await session.add_items([message("3")])
    assert type(failed.value) is (OutcomeUnknownError if network.is_postgres else StoreUnreachableError)
    for operation in (reader.get_items, session.get_items, session.pop_item, session.clear_session):
        with pytest.raises(StoreError, match=r"Nothing was changed \(tried 3 times .* was TimeoutError") as known:
            await operation()
        assert type(known.value) is StoreUnreachableError
    assert await network.stored("marked") == [message("1"), message("2")]
    network.proxy.swallowing = False
    # The requests of before were swallowed, not delayed.
    await session.add_items([message("4")])
    assert await session.get_items() == [message("1"), message("2"), message("4")]
    network.proxy.swallowing = True
    await session._sql.aclose()


async def test_changes_that_wait_for_each_other_are_told_of_an_outage_together(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last of them would learn of it after the sum of all their times.

    Fails without: db/sqlalchemy/turns.py, `check`; db/sqlalchemy/retry.py, `given_up` and `over`.
    """
    tried: list[object] = []
    repeat = retry._repeat

    async def counted(*arguments: Any, **named: Any) -> Any:
        tried.append(arguments)
        return await repeat(*arguments, **named)

    session = network.session(retry_timeout=2)
    await session.add_items([message("0")])
    monkeypatch.setattr(retry, "_repeat", counted)

    async def add() -> list[Any]:
        adding = (session.add_items([message(str(number))]) for number in range(1, 8))
        return await asyncio.gather(*adding, return_exceptions=True)

    for _ in range(2):
        network.proxy.refusing = True
        network.proxy.cut()
        results = await add()
        # Postgres's one statement may have arrived.
        expected = (StoreUnreachableError, OutcomeUnknownError) if network.is_postgres else StoreUnreachableError
        assert all(isinstance(result, expected) for result in results)
        assert all(str(result).startswith("session 's': ") for result in results)
        # Two have their turns at once; on Postgres, two groups.
        assert 1 <= len(tried) <= 2
        tried.clear()
        network.proxy.refusing = False
        # They wait for each other, too, and nothing tells them of the outage that is over.
        assert await add() == [None] * 7
    assert len(await session.get_items()) == 15


@pytest.mark.parametrize("operation", ["add", "get", "pop"])
async def test_what_waits_behind_somebody_elses_lock_is_done_once(postgres_network: Network, operation: str) -> None:
    """
    Fails without: db/sqlalchemy/retry.py, `patience.locked`; db/sqlalchemy/brief.py, `lock_timeout` (it never ends).
    """
    session = await _ready(postgres_network)
    other = create_async_engine(postgres_network.direct)
    async with other.connect() as connection:
        await connection.execute(text("select 1 from agent_log_sessions for update"))
        if operation == "get":
            assert await session.get_items() == [message("1"), message("2")]
        else:
            changing = asyncio.ensure_future(
                session.add_items([message("3")]) if operation == "add" else session.pop_item()
            )
            attempts: set[object] = set()
            while len(attempts) < 4:
                assert not changing.done()
                attempts |= await _waiting(other)
                await asyncio.sleep(0.05)
        await connection.rollback()
    await other.dispose()
    if operation != "get":
        await changing
        left = [message("1"), message("2"), message("3")] if operation == "add" else [message("1")]
        assert await session.get_items() == left


async def _waiting(engine: AsyncEngine) -> set[object]:
    """Return when the transactions began that wait for a lock."""
    async with engine.connect() as connection:
        query = "select xact_start from pg_stat_activity where wait_event_type = 'Lock'"
        return set((await connection.execute(text(query))).scalars())


def _backends(postgres: Postgres, url: str) -> list[int]:
    name = make_url(url).database
    query = f"select pid from pg_stat_activity where datname = '{name}'"  # noqa: S608
    return [int(row) for row in postgres.rows(query)]


@contextmanager
def _stopped(processes: list[int]) -> Iterator[None]:
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


@pytest.fixture
async def sessions_of_postgres(postgres: Postgres) -> Any:
    """Two sessions of the same name on engines of their own; the second gives up soon."""
    url = postgres.new_database()
    engines = [create_async_engine(url) for _ in range(2)]
    sessions = [
        SQLAlchemySession("s", engine=engine, create_tables=True, attempt_timeout=seconds)
        for engine, seconds in zip(engines, (60, _SECONDS), strict=True)
    ]
    await sessions[0].add_items([message("1"), message("2")])
    await sessions[1].get_items()
    yield url, *sessions
    for engine in engines:
        await engine.dispose()


@pytest.mark.parametrize("operation", ["add", "get", "pop", "clear"])
async def test_backends_that_are_stopped(
    postgres: Postgres, sessions_of_postgres: tuple[str, SQLAlchemySession, SQLAlchemySession], operation: str
) -> None:
    """The kernel takes what is sent to them: neither keepalive nor `tcp_user_timeout` would notice.

    Fails without: db/sqlalchemy/deadline.py, `self._timer = …` (it never ends).
    """
    url, _, session = sessions_of_postgres
    with _stopped(_backends(postgres, url)):
        if operation == "add":
            await session.add_items([message("3")])
        elif operation == "get":
            assert await session.get_items() == [message("1"), message("2")]
        # Neither had begun to commit, and has the next attempt on another connection.
        elif operation == "pop":
            assert await session.pop_item() == message("2")
            assert await session.get_items() == [message("1")]
        else:
            await session.clear_session()
            assert await session.get_items() == []
    if operation == "add":
        assert await session.get_items() == [message("1"), message("2"), message("3")]


@pytest.mark.parametrize("kind", KINDS)
async def test_changes_go_on_while_backends_are_stopped(postgres: Postgres, kind: str) -> None:
    """What they were asked for is done once, by them afterwards or by others now.

    Fails without: db/sqlalchemy/deadline.py, `self._timer = …` (it never ends).
    """
    url = postgres.new_database()
    async with numbered(kind, url, attempt_timeout=_SECONDS) as changes:
        for number in range(3):
            await changes.change("w", number)
        with _stopped(_backends(postgres, url)):
            await changes.change("w", 3)
            assert await changes.numbers("w") == [0, 1, 2, 3]
        assert await changes.numbers("w") == [0, 1, 2, 3]
        await changes.change("w", 4)
        assert await changes.numbers("w") == [0, 1, 2, 3, 4]
    await nothing_is_damaged(url)


async def test_a_server_that_is_stopped(
    postgres: Postgres,
    sessions_of_postgres: tuple[str, SQLAlchemySession, SQLAlchemySession],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It accepts no new connection either.

    Fails without: db/sqlalchemy/deadline.py, `self._task.reschedule(…)` (the driver waits for a minute).
    """
    monkeypatch.setattr(retry, "ATTEMPTS", _FEW)
    _, first, session = sessions_of_postgres
    leader = int((postgres.folder / "data" / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{leader}/task/{leader}/children").read_text().split()
    with _stopped([leader, *map(int, children)]):
        with pytest.raises(StoreError, match="was TimeoutError"):
            await session.get_items()
        with pytest.raises(StoreError, match=r"Nothing was changed .* was TimeoutError"):
            await session.pop_item()
    await first.add_items([message("3")])
    assert await session.get_items() == [message("1"), message("2"), message("3")]


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), "1", True, None])
def test_a_timeout_that_is_none_is_refused_at_once(seconds: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="attempt_timeout"):
        SQLAlchemySession.from_url("s", url="postgresql+asyncpg://127.0.0.1:1/nowhere", attempt_timeout=seconds)

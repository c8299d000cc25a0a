"""Changes that are cancelled while they wait for a lock of another program: how they wait, and what comes of them.

A cancelled scope of anyio's cancels its tasks again in each cycle of the event loop until they have left it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import EncryptedSession, generate_key, open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from sessions import LogSession

_HANGS_AFTER = 60
_KEY = generate_key()
_CYCLES_IN_HALF_A_SECOND = 1000
"""What a loop that waits does not come near, and one that spins does in a few hundredths of a second."""

OPERATIONS: dict[str, Callable[[LogSession], Awaitable[Any]]] = {
    "add_items": lambda s: s.add_items([_user("2")]),
    "pop_item": lambda s: s.pop_item(),
    "clear_session": lambda s: s.clear_session(),
    "lease": lambda s: s.lease().__aenter__(),
    "undo": lambda s: s.undo(),
}


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


@pytest.fixture(params=["plain", "encrypted"])
def make_encrypted(request: pytest.FixtureRequest) -> Callable[[LogSession], LogSession]:
    if request.param == "plain":
        return lambda session: session
    return lambda session: EncryptedSession(session.session_id, session, _KEY, ttl=None)


@pytest.fixture(params=["postgres", "mariadb", "sqlite", "file"])
def any_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "file":
        return f"sqlite:///{tmp_path}/sessions.db"
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/sessions.db"
    return str(request.getfixturevalue("lend")(request.getfixturevalue(request.param)))


@asynccontextmanager
async def _locked(url: str) -> AsyncIterator[None]:
    """Hold the session's row, or on SQLite the whole file, as another program would."""
    if "sqlite" in url:
        other = sqlite3.connect(url.partition("///")[2], isolation_level=None)
        other.execute("begin immediate")
        try:
            yield
        finally:
            other.close()
        return
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("select id from agent_log_sessions for update"))
            yield
    finally:
        await engine.dispose()


@asynccontextmanager
async def _counting_cycles() -> AsyncIterator[list[int]]:
    """Count how often the event loop looks for what is to be done."""
    loop: Any = asyncio.get_running_loop()
    select, counted = loop._selector.select, [0]

    def counting(timeout: float | None) -> Any:
        counted[0] += 1
        return select(timeout)

    loop._selector.select = counting
    try:
        yield counted
    finally:
        loop._selector.select = select


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_who_waits_for_the_outcome_does_not_keep_the_loop_busy(
    any_url: str, make_encrypted: Callable[[LogSession], LogSession], operation: str
) -> None:
    """Fails without: db/uncancelled.py, `_shield()` in `wait_out`."""
    async with open_store(any_url, create_tables=True) as store:
        session = make_encrypted(store.session("s"))
        await session.add_items([_user("1")])

        async def request() -> None:
            with anyio.move_on_after(0.1):
                await OPERATIONS[operation](session)

        async with _locked(any_url):
            waiting = [asyncio.ensure_future(request()) for _ in range(3)]
            await asyncio.sleep(0.2)
            async with _counting_cycles() as cycles:
                await asyncio.sleep(0.5)
        await asyncio.wait_for(asyncio.gather(*waiting), _HANGS_AFTER)
        # It is settled by now, and everything goes on.
        async with session.lease(on_busy="reject") as leased:
            await leased.add_items([_user("3")])
        assert (await session.get_items())[-1] == _user("3")
    assert cycles[0] < _CYCLES_IN_HALF_A_SECOND


@pytest.mark.parametrize("way", ["scope", "twice"])
async def test_a_store_that_is_closed_by_who_was_cancelled(any_url: str, way: str) -> None:
    """Its sweeper ends, and its connections are closed, when the caller is told of the cancellation.

    Fails without: store.py, `settle` in `close`.
    """
    before = asyncio.all_tasks()
    scope = anyio.CancelScope()
    entered = asyncio.Event()

    async def serve() -> None:
        with scope:
            async with open_store(any_url, sweep_every=0.01, create_tables=True) as store:
                await store.session("s").add_items([_user("1")])
                entered.set()
                await asyncio.sleep(_HANGS_AFTER)

    task = asyncio.ensure_future(serve())
    await asyncio.wait_for(entered.wait(), _HANGS_AFTER)
    await asyncio.sleep(0.05)
    if way == "scope":
        scope.cancel()
    else:
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.wait_for(asyncio.wait([task]), _HANGS_AFTER)
    assert asyncio.all_tasks() == before
    if "sqlite" in any_url:
        path = any_url.partition("///")[2]
        other = sqlite3.connect(path, isolation_level=None, timeout=0)
        # Nobody else has the file open: only then is the log deleted.
        other.execute("pragma journal_mode = delete")
        assert other.execute("pragma journal_mode").fetchone() == ("delete",)
        other.close()

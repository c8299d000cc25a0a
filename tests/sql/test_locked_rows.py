"""While another process holds the row of one session or namespace, all others go on."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import generate_key, open_store

from .network import message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterable

_SESSIONS = 20
_LOCKED = ["s3", "s7", "s11"]
_SESSION_ROWS = "select session_id from agent_log_sessions where session_id = '{}' for update"
_NAMESPACE_ROW = (
    "select id from agent_memory_spaces where path = (select min(path) from agent_memory_spaces) for update"
)


@pytest.fixture(params=["postgres", "mariadb"])
def server_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(request.param).new_database()
    return url


@asynccontextmanager
async def _locked(url: str, *statements: str) -> AsyncIterator[None]:
    """Lock rows, as another process has them that is stopped amid a change."""
    engine = create_async_engine(url, isolation_level="READ COMMITTED")
    try:
        async with engine.begin() as connection:
            for statement in statements:
                assert (await connection.execute(text(statement))).all()
            yield
    finally:
        await engine.dispose()


async def _all(changes: Iterable[Awaitable[object]]) -> None:
    async with asyncio.timeout(30):
        await asyncio.gather(*changes)


@pytest.mark.parametrize("how", ["plain", "encrypted", "keyed"])
async def test_a_locked_session_keeps_no_other_waiting(server_url: str, how: str) -> None:
    """
    Fails without: log/fast/statements.py, `{briefly}`; log/fast/postgres.py, `APPEND_MANY_BESIDE`, `settle`.
    """
    options: dict[str, Any] = {"encryption_key": generate_key()} if how == "encrypted" else {}
    async with open_store(server_url, create_tables=True, **options) as store:
        sessions = [store.session(f"s{number}") for number in range(_SESSIONS)]

        async def append(number: int, content: str) -> None:
            await sessions[number].add_items([message(content)], keys=[content] if how == "keyed" else None)

        await _all(append(number, "first") for number in range(_SESSIONS))
        locked = [int(name[1:]) for name in _LOCKED]
        async with _locked(server_url, *map(_SESSION_ROWS.format, _LOCKED)):
            late: list[asyncio.Future[None]] = []
            # Also if each worker has begun with one of them alone, and if there are more of them.
            for number in locked * 2:
                late.append(asyncio.ensure_future(append(number, f"late {len(late)}")))
                await asyncio.sleep(0.01)
            for content in ("second", "third"):
                await _all(append(number, content) for number in range(_SESSIONS) if number not in locked)
            # A new one has no row to wait for.
            await _all([store.session("new").add_items([message("first")])])
            assert not any(one.done() for one in late)
        await _all(late)
        for number, session in enumerate(sessions):
            found = [item["content"] for item in await session.get_items()]
            if number in locked:
                place = locked.index(number)
                assert [found[0], *sorted(found[1:])] == ["first", f"late {place}", f"late {place + 3}"]
            else:
                assert found == ["first", "second", "third"]


async def test_many_appends_to_a_locked_session_leave_connections_to_others(server_url: str) -> None:
    """Fails without: db/sqlalchemy/turns.py, `_AT_ONCE` (forty connections are wanted)."""
    async with open_store(server_url, create_tables=True) as store:
        sessions = [store.session(f"s{number}") for number in range(_SESSIONS)]
        await _all(session.add_items([message("first")]) for session in sessions)
        async with _locked(server_url, *map(_SESSION_ROWS.format, _LOCKED)):
            late = [
                asyncio.ensure_future(sessions[number].add_items([message("late")], keys=keys))
                for number in (3, 7)
                for keys in [None, ["key"]] * 10
            ]
            await asyncio.sleep(1.5)
            others = [session for session in sessions if session.session_id not in _LOCKED]
            await _all(session.add_items([message("second")]) for session in others)
            assert not any(one.done() for one in late)
        await _all(late)
        assert len(await sessions[3].get_items()) == 1 + 10 + 1


async def test_a_locked_namespace_keeps_no_other_waiting(server_url: str) -> None:
    """
    Fails without: memory/fast/statements.py, `{BRIEFLY}`; memory/fast/postgres.py, `briefly=True`, `_ALONE`.
    """
    async with open_store(server_url, create_tables=True) as store:
        memories = store.memories

        async def put(number: int, value: int) -> None:
            await memories.put((f"n{number:02}",), "key", {"value": value})

        for number in range(_SESSIONS):
            await put(number, 0)
        async with _locked(server_url, _NAMESPACE_ROW):
            late = []
            for value in range(40):
                late.append(asyncio.ensure_future(put(0, value)))
                if value < 3:
                    await asyncio.sleep(0.01)
            for value in (1, 2):
                await _all(put(number, value) for number in range(1, _SESSIONS))
            assert not any(one.done() for one in late)
        await _all(late)
        found = [await memories.get((f"n{number:02}",), "key") for number in range(_SESSIONS)]
        assert [one.value["value"] for one in found[1:] if one] == [2] * (_SESSIONS - 1)

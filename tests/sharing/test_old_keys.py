"""Idempotency keys that are known no more leave the database, a bounded number at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import open_store
from sessions.testing_expiring import MovableClock

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sql.servers import MariaDB, Postgres

DAY = 86_400
_KEYS = "select count(*) from agent_log_appends where idempotency_key >= ' '"
_MADE = "select count(*) from agent_log_appends where idempotency_key < ' '"


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/sessions.db"
    server: Postgres | MariaDB = request.getfixturevalue(request.param)
    return server.new_database()


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> MovableClock:
    return MovableClock(monkeypatch)


async def _keys(url: str, query: str = _KEYS) -> int:
    engine = create_async_engine(url.replace("sqlite:", "sqlite+aiosqlite:"))
    async with engine.connect() as connection:
        count = int((await connection.execute(text(query))).scalar_one())
    await engine.dispose()
    return count


def _message(number: int) -> list[dict[str, object]]:
    return [{"role": "user", "content": str(number)}]


async def test_an_append_with_a_key_removes_old_ones_of_its_session(anywhere: str, time: MovableClock) -> None:
    """Fails without: log/append.py, `forget_old_keys(tx, ...)`; stores/sql/postgres.py, `outlived`."""
    async with open_store(anywhere, create_tables=True) as store:
        session, other = store.session("s"), store.session("other")
        await other.add_items(_message(0), idempotency_key="other")
        for number in range(103):
            await session.add_items(_message(number), idempotency_key=f"old {number}")
        time.move(15 * DAY)
        await session.add_items(_message(103), idempotency_key="younger")
        time.move(15 * DAY)
        await session.add_items(_message(104))
        assert await _keys(anywhere) == 105
        await session.add_items(_message(105), idempotency_key="new")
        # A hundred at once, of 103; and nothing of the other session.
        assert await _keys(anywhere) == 6
        await asyncio.gather(*(session.add_items(_message(n), idempotency_key=f"more {n}") for n in range(3)))
        assert await _keys(anywhere) == 6
        await session.add_items(_message(103), idempotency_key="younger")
        assert len(await session.get_items()) == 109


async def test_purging_removes_old_keys_of_sessions_that_nobody_uses(anywhere: str, time: MovableClock) -> None:
    """Fails without: purging.py, `_purge_keys`; log/record_statements.py, `session > :after` (no end)."""
    async with open_store(anywhere, create_tables=True) as store:
        for session in "abc":
            for number in range(5):
                await store.session(session).add_items(_message(number), idempotency_key=str(number))
        time.move(29 * DAY)
        await store.session("b").add_items(_message(5), idempotency_key="5")
        assert await store.purge_expired(batch=2) == 0
        assert await _keys(anywhere) == 16
        time.move(DAY)
        assert await store.purge_expired(batch=2) == 0
        assert await _keys(anywhere) == 1
        assert [len(await store.session(session).get_items()) for session in "abc"] == [5, 6, 5]


async def test_purging_removes_what_a_server_needed_for_retries(anywhere: str, time: MovableClock) -> None:
    """Fails without: log/record_statements.py, `or created_at <= :made_before`; old_keys.py, `PURGE_KEYS`."""
    async with open_store(anywhere, create_tables=True) as store:
        for session in "abc":
            for number in range(5):
                await store.session(session).add_items(_message(number))
        await store.session("a").add_items(_message(5), idempotency_key="given")
        # A SQLite file has no network between, and nothing to retry.
        expected = 0 if "sqlite" in anywhere else 15
        assert await _keys(anywhere, _MADE) == expected
        time.move(DAY - 1)
        await store.purge_expired(batch=2)
        assert await _keys(anywhere, _MADE) == expected
        time.move(1)
        await store.purge_expired(batch=2)
        assert await _keys(anywhere, _MADE) == 0
        assert await _keys(anywhere) == 1

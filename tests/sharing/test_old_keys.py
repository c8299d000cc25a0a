"""Idempotency keys end by the database's time, and then leave the database, beside changes of whatever sessions."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import IdempotencyKeyReusedError, open_store
from sessions.clock import now
from sessions.codecs.json import JSONCodec
from sessions.db.upkeep import _EVERY, BATCH, Upkeep
from sessions.log.adopt.sdk import SDKSessions
from sessions.log.append import Append, Idempotency
from sessions.log.conversation import Conversation, ForeignTables
from sessions.log.core.extend import NewEntry
from sessions.testing.expiry_model import MovableClock

DAY = 86_400
_KEYS = "select count(*) from agent_log_appends where idempotency_key >= ' '"
_MADE = "select count(*) from agent_log_appends where idempotency_key < ' '"


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> MovableClock:
    return MovableClock(monkeypatch)


async def _count(url: str, query: str = _KEYS) -> int:
    engine = create_async_engine(url.replace("sqlite:", "sqlite+aiosqlite:"))
    async with engine.connect() as connection:
        count = int((await connection.execute(text(query))).scalar_one())
    await engine.dispose()
    return count


async def _age(url: str, seconds: float) -> None:
    """Have all keys be older, by the database's time."""
    engine = create_async_engine(url.replace("sqlite:", "sqlite+aiosqlite:"))
    async with engine.begin() as connection:
        await connection.execute(
            text("update agent_log_appends set until = until - :age"), {"age": int(seconds * 1_000_000)}
        )
    await engine.dispose()


def _message(number: int) -> list[dict[str, object]]:
    return [{"role": "user", "content": str(number)}]


async def test_a_key_is_known_for_thirty_days_and_no_longer(anywhere: str) -> None:
    """Fails without: log/core/idempotency.py, `KEY_LIFE if`; log/append.py, `if has_ended:`."""
    async with open_store(anywhere, create_tables=True) as store:
        session = store.session("s")
        await session.add_items(_message(1), idempotency_key="k")
        await _age(anywhere, 30 * DAY - 600)
        await session.add_items(_message(1), idempotency_key="k")
        with pytest.raises(IdempotencyKeyReusedError):
            await session.add_items(_message(2), idempotency_key="k")
        assert len(await session.get_items()) == 1
        await _age(anywhere, 601)
        await session.add_items(_message(2), idempotency_key="k")
        await session.add_items(_message(2), idempotency_key="k")
        with pytest.raises(IdempotencyKeyReusedError):
            await session.add_items(_message(1), idempotency_key="k")
        assert len(await session.get_items()) == 2


async def test_keys_that_have_ended_go_beside_changes_of_other_sessions(anywhere: str) -> None:
    """
    In batches: a change removes no more than that.

    Fails without: db/sqlalchemy/beside.py, `self._upkeep.do`; db/sqlite/database.py, `write_beside(`;
    log/lifetime/upkeep.py, `forget_ended_keys`.
    """
    async with open_store(anywhere, create_tables=True) as store:
        for name in "ab":
            await asyncio.gather(
                *(store.session(name).add_items(_message(n), idempotency_key=f"{n}") for n in range(BATCH // 2 + 8))
            )
        await store.session("c").add_items(_message(0), idempotency_key="0")
        await _age(anywhere, 30 * DAY)
        other = store.session("other")
        for number in range(_EVERY + 32):
            await other.add_items(_message(number))
        assert await _count(anywhere) == 0
        assert len(await store.session("c").get_items()) == 1


async def test_what_a_server_needs_for_retries_goes_when_the_answer_has_come(anywhere: str) -> None:
    """
    And after a quarter of an hour where it has not: what a process has left that was killed.

    Fails without: db/sqlalchemy/beside.py, `self._upkeep.settled(`; log/core/idempotency.py, `MADE_LIFE`.
    """
    async with open_store(anywhere, create_tables=True) as store:
        for chat in range(8):
            for number in range(_EVERY // 8):
                await store.session(f"chat {chat}").add_items(_message(number))
        before = await _count(anywhere, _MADE)
        assert before == 0 if "sqlite" in anywhere else before <= _EVERY
    async with open_store(anywhere, create_tables=True) as store:
        await _age(anywhere, 15 * 60 - 60)
        await store.session("other").add_items(_message(0), idempotency_key="given")
        assert await _count(anywhere, _MADE) == before
        await _age(anywhere, 61)
        for number in range(_EVERY + 1):
            await store.session("other").add_items(_message(number), idempotency_key=f"{number}")
        assert await _count(anywhere, _MADE) == 0


async def test_purging_removes_keys_that_have_ended(anywhere: str) -> None:
    """Fails without: purging.py, `keep_up`."""
    async with open_store(anywhere, create_tables=True) as store:
        for session in "abc":
            for number in range(5):
                await store.session(session).add_items(_message(number), idempotency_key=str(number))
        await _age(anywhere, 29 * DAY)
        await store.session("b").add_items(_message(5), idempotency_key="5")
        assert await store.purge_expired(batch=2) == 0
        assert await _count(anywhere) == 16
        await _age(anywhere, DAY)
        assert await store.purge_expired(batch=2) == 0
        assert await _count(anywhere) == 1
        assert [len(await store.session(session).get_items()) for session in "abc"] == [5, 6, 5]


@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
@pytest.mark.parametrize("days", [0.011, 40])
async def test_a_retry_is_recognised_beside_a_writer_whose_clock_is_ahead(
    request: pytest.FixtureRequest, time: MovableClock, monkeypatch: pytest.MonkeyPatch, kind: str, days: float
) -> None:
    """
    An append whose answer was lost is repeated with the key that the store made, after another writer has appended.

    Fails without: db/dialect.py, `CLOCK` (as the time of the writer).
    """
    monkeypatch.setattr("sessions.db.upkeep._EVERY", 0)
    # No answer has come.
    monkeypatch.setattr(Upkeep, "settled", lambda *_: None)
    async with open_store(request.getfixturevalue("lend")(request.getfixturevalue(kind)), create_tables=True) as store:
        session = store.session("s")
        await session.add_items(_message(0))
        entry = NewEntry(b'{"role":"user","content":"1"}', "user", None)
        conversation = Conversation("s", JSONCodec(), SDKSessions(ForeignTables()))
        append = Append(conversation, [entry], now(), Idempotency("\x01made", b""))
        await store._backend.write(append, "the first time")
        time.move(days * DAY)
        for number in range(2, 6):
            await session.add_items(_message(number))
        await store.purge_expired()
        time.move(-days * DAY)
        await store._backend.write(append, "the second time")
        assert [item["content"] for item in await session.get_items()] == list("012345")

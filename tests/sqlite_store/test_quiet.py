"""What a conversation says appears in no log, no message and no repr."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest

from sessions import IdempotencyKeyReusedError, InvalidItemError, SQLiteSession, StoreError, open_store

from .inside import locked, user

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "canary-c0ffee"
KEY = "key-of-canary-c0ffee"
ITEM: dict[str, Any] = {
    "type": "function_call",
    "name": CANARY,
    "call_id": CANARY,
    "arguments": CANARY,
    CANARY: {CANARY: [CANARY]},
}


async def test_logs_at_debug_level(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="aiosqlite")
    async with open_store(f"sqlite:///{path}") as store:
        session = store.session("s")
        await asyncio.gather(*(session.add_items([ITEM], idempotency_key=f"{KEY}{number}") for number in range(5)))
        await session.get_items()
        await session.pop_item()
        with pytest.raises(IdempotencyKeyReusedError):
            await session.add_items([ITEM, ITEM], idempotency_key=f"{KEY}0")
        await session.clear_session()
        await store.sessions()
        await store.delete("s")
    assert any(record.name == "aiosqlite" for record in caplog.records), "its logger is part of this test"
    assert CANARY not in caplog.text
    assert not any(CANARY in repr(record.args) for record in caplog.records)


def test_reprs(path: Path) -> None:
    session = SQLiteSession("user_123", path)
    asyncio.run(session.add_items([ITEM]))

    assert repr(session) == "SQLiteSession('user_123')"
    assert repr(open_store(f"sqlite:///{path}").session("user_123")) == "LogSession('user_123')"
    assert CANARY not in repr(vars(session)) + repr(vars(session._handle.backend))
    session.close()


async def test_messages_of_errors(path: Path) -> None:
    session = SQLiteSession("s", path, busy_timeout=0)
    await session.add_items([ITEM], idempotency_key=KEY)
    caught = []
    for items, key in (
        ([ITEM, ITEM], KEY),
        ([{"text": [CANARY, {CANARY.encode()}]}], None),
        ([{"\ud800": CANARY}], None),
    ):
        with pytest.raises((IdempotencyKeyReusedError, InvalidItemError)) as refused:
            await session.add_items(items, idempotency_key=key)
        caught.append(refused.value)
    with locked(path), pytest.raises(StoreError) as busy:
        await session.add_items([ITEM], idempotency_key=f"{KEY}2")
    session.close()

    assert not [error for error in [*caught, busy.value] if CANARY in str(error)]
    assert all("session 's'" in str(error) for error in [*caught, busy.value])


async def test_messages_of_errors_in_the_database(path: Path) -> None:
    """A constraint that fails names columns, never values."""
    session = SQLiteSession("s", path)
    await session.add_items([user("a")])
    with pytest.raises(StoreError) as caught:
        await session._handle.backend.write(
            lambda tx: tx._execute("insert into agent_log_sessions values (1, ?, ?, 1, 1, 1)", (CANARY, 1)),  # type: ignore[attr-defined]
            "session 's'",
        )
    session.close()

    assert CANARY not in str(caught.value)
    assert CANARY not in repr(caught.value.__cause__)

"""Operations that end where they began leave a bounded number of rows in each table, however often they are done.

A quick round by default, as one row more is found after two dozen operations; `SESSIONS_GROWTH=10000` does as many of
each kind, for what is bounded by thousands.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import SessionBusyError, open_store
from sessions.db.upkeep import _EVERY
from sessions.log.core.change_log import KEPT_VERSIONS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessions import Store
    from sessions.session.base import LogSession

OPERATIONS = int(os.environ.get("SESSIONS_GROWTH", "24"))
_TABLES = ("sessions", "segments", "branches", "entries", "appends", "changes", "usage", "waiting", "item_keys")


def user(content: object) -> dict[str, Any]:
    return {"role": "user", "content": str(content)}


def answer(content: object) -> dict[str, Any]:
    return {"role": "assistant", "content": str(content)}


async def attempts(store: Store, number: int) -> None:
    """An answer is tried three times behind what another branch has, too, and what it has is taken back."""
    session = store.session("s")
    for _ in range(3):
        await session.add_items([answer(number)])
        await session.pop_item()
    await session.pop_item()
    await session.add_items([answer(number)])


async def turns(store: Store, number: int) -> None:
    """A lease is held while another writer is refused, and its items are taken back."""
    session = store.session("s")
    async with session.lease(exclusive=True) as leased:
        await leased.add_items([user(number), answer(number)])
        with pytest.raises(SessionBusyError):
            await session.add_items([user("refused")])
        await leased.pop_item()
        await leased.pop_item()


async def waiters(store: Store, number: int) -> None:
    """Several wait for a lease, one of them in vain."""
    session = store.session("s")

    async def in_vain() -> None:
        with pytest.raises(SessionBusyError):
            async with session.lease(timeout=0.01):
                pytest.fail(f"two turns, {number}")

    async with session.lease():
        await in_vain()


async def branches(store: Store, number: int) -> None:
    """A branch is made, used, renamed and deleted."""
    session = store.session("s")
    name = f"draft {number}"
    await session.branches.create(name, switch=True)
    await session.add_items([user(number)])
    await session.branches.rename(name, "draft")
    await session.branches.switch("main")
    await session.branches.delete("draft")


async def undone(store: Store, number: int) -> None:
    """A turn is undone and redone, and then popped; an edit is undone and its branch deleted."""
    session = store.session("s")
    await session.add_items([user(number)])
    await session.undo()
    await session.redo()
    await session.pop_item()


async def cleared(store: Store, number: int) -> None:
    """A conversation with branches and siblings is cleared."""
    session = store.session("cleared")
    await session.add_items([user(number), answer(number)])
    await session.undo()
    await session.add_items([user("edited")])
    await session.branches.create("other", turn=1, switch=True)
    await session.add_items([user("other")])
    await session.clear_session()


async def deleted(store: Store, number: int) -> None:
    """A conversation is deleted, with its keys and usage."""
    name = f"deleted {number}"
    session: LogSession = store.session(name)
    await session.add_items([user(number)], idempotency_key="k")
    await session.usage.record(requests=1, input_tokens=10)
    await store.delete(name)


@pytest.mark.parametrize("operation", [attempts, turns, waiters, branches, undone, cleared, deleted])
async def test_no_table_grows(url: str, operation: Callable[[Store, int], Awaitable[None]]) -> None:
    """
    Fails without: log/core/gc.py, `forget_segment`; db/sqlalchemy/beside.py,
    `self._upkeep.settled`; log/core/change_log.py, `FORGET_CHANGES` (with `SESSIONS_GROWTH`).
    """
    async with open_store(url, create_tables=True) as store:
        session = store.session("s")
        await session.add_items([user("question"), answer("1"), answer("2"), answer("3")])
        await session.branches.create("shared")
        for number in range(3):
            await operation(store, number)
        before = await _counts(url)
        for number in range(3, OPERATIONS):
            await operation(store, number)
        after = await _counts(url)
    # What a server noted to be able to repeat an append goes with a later change; what happened is kept for a while.
    bounds = {"appends": 4 * _EVERY, "changes": 2 * KEPT_VERSIONS}
    grown = {table: (before[table], after[table]) for table in after if after[table] > before[table]}
    assert {table for table in grown if after[table] > bounds.get(table, 0)} == set(), grown


async def test_nothing_is_left_of_chats_that_ended_but_what_they_said(url: str) -> None:
    """
    Each of many conversations has its session, its segment, its branch and its entries; keys are gone a while later.

    Fails without: log/lifetime/upkeep.py, `forget_ended_keys`, `forget_abandoned`.
    """
    chats = max(OPERATIONS // 10, 6)
    async with open_store(url, create_tables=True) as store:

        async def chat(number: int) -> None:
            session = store.session(f"chat {number}")
            for turn in range(5):
                await session.add_items([user(turn)], idempotency_key=f"turn {turn}")
                await session.add_items([answer(turn)])

        await asyncio.gather(*(chat(number) for number in range(chats)))
        await _execute(
            url,
            "update agent_log_appends set until = until - 2592000000000",
            "insert into agent_log_waiting (session, ticket, branch, claim, until) values (1, 1, 'main', 'gone', 1)",
        )
        other = store.session("other")
        for number in range(_EVERY * (1 + chats * 5 // 256) + 32):
            await other.add_items([user(number)])
        [(left,)] = await _execute(
            url,
            """
            select count(*) from agent_log_appends
            where session <> (select id from agent_log_sessions where session_id = 'other')
            """,
        )
        counts = await _counts(url)
    assert left == 0
    assert counts["waiting"] == 0
    assert (counts["sessions"], counts["segments"], counts["branches"]) == (chats + 1,) * 3
    assert counts["appends"] <= 2 * _EVERY
    assert counts["changes"] == 0


async def _execute(url: str, *statements: str) -> list[Any]:
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            for statement in statements:
                found = await connection.execute(text(statement))
            return list(found.all()) if found.returns_rows else []
    finally:
        await engine.dispose()


async def _counts(url: str) -> dict[str, int]:
    """Return how many rows each table has."""
    names = [*(f"agent_log_{table}" for table in _TABLES), "agent_store_settings"]
    selected = ", ".join(f"(select count(*) from {name})" for name in names)  # noqa: S608 - constants
    [row] = await _execute(url, f"select {selected}")
    return dict(zip((*_TABLES, "settings"), row, strict=True))

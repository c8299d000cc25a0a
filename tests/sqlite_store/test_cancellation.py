"""A cancelled operation has happened wholly or not at all, and which of the two is settled when the caller is told."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from .inside import database_in, locked, stored, taken, user

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from sessions import SQLiteSession
    from sessions.db.transaction import Transaction

    Operation = Callable[[SQLiteSession], Awaitable[Any]]

BEFORE = [user("a"), user("b")]
ADDED = [*BEFORE, user("c"), user("d")]
OPERATIONS: dict[str, tuple[Operation, list[Any]]] = {
    "add_items": (lambda s: s.add_items(ADDED[2:]), ADDED),
    "add_items with a key": (lambda s: s.add_items(ADDED[2:], idempotency_key="k"), ADDED),
    "pop_item": (lambda s: s.pop_item(), BEFORE[:1]),
    "clear_session": (lambda s: s.clear_session(), []),
}
every_operation = pytest.mark.parametrize("name", OPERATIONS)


async def observed(path: Path, operation: Callable[[], Awaitable[Any]], seen: list[Any]) -> None:
    """Note what is in the file at the moment when the operation ends, however it does."""
    try:
        await operation()
    finally:
        seen.append(stored(path))


@every_operation
async def test_cancelled_after_any_number_of_steps(path: Path, session: SQLiteSession, name: str) -> None:
    operation, after = OPERATIONS[name]
    steps, outcomes, finished = 0, set(), False
    while not finished:
        await session.clear_session()
        await session.add_items(BEFORE)
        seen: list[Any] = []
        begin: Callable[[], Awaitable[Any]] = partial(operation, session)
        if "key" in name:
            begin = partial(session.add_items, ADDED[2:], idempotency_key=f"k{steps}")
        task = asyncio.ensure_future(observed(path, begin, seen))
        for _ in range(steps):
            await asyncio.sleep(0)
        finished = task.done()
        task.cancel()
        await asyncio.wait([task])
        await session.get_items()
        at_once = seen[0] if seen else BEFORE
        assert at_once in (BEFORE, after)
        assert stored(path) == at_once, "it happened after the caller had been told"
        assert finished or task.cancelled()
        outcomes.add(at_once == BEFORE)
        # The first steps one by one; from then on the loop waits for the thread, and the steps only take time.
        steps += 1 + steps // 4

    assert outcomes == {True, False}


# Fails without: db/jobs.py, `await job.wait_until_settled()`
# Fails without: db/uncancelled.py, `except asyncio.CancelledError:`
@every_operation
@pytest.mark.parametrize("times", [1, 5])
async def test_what_has_begun_is_waited_for(path: Path, session: SQLiteSession, name: str, times: int) -> None:
    operation, after = OPERATIONS[name]
    await session.add_items(BEFORE)
    with locked(path):
        task = asyncio.ensure_future(operation(session))
        await asyncio.sleep(0)
        await taken(path)
        for _ in range(times):
            task.cancel()
            for _ in range(3):
                await asyncio.sleep(0)
        assert not task.done(), "nobody knows yet what became of it"
        assert stored(path) == BEFORE

    with pytest.raises(asyncio.CancelledError):
        await task

    assert stored(path) == after


# Fails without: db/jobs.py, `if not self._withdraw(job):`
@every_operation
async def test_what_has_not_begun_is_withdrawn(path: Path, session: SQLiteSession, name: str) -> None:
    operation, _ = OPERATIONS[name]
    await session.add_items(BEFORE)
    with locked(path):
        first = asyncio.ensure_future(session.add_items([user("first")]))
        await asyncio.sleep(0)
        await taken(path)
        waiting = [asyncio.ensure_future(operation(session)) for _ in range(3)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        assert all(task.cancelled() for task in waiting), "they need not wait for the lock"
    await first
    await session.get_items()

    assert stored(path) == [*BEFORE, user("first")]


async def test_a_cancelled_read_leaves_the_lane_working(session: SQLiteSession) -> None:
    await session.add_items(BEFORE)
    gate, entered = threading.Event(), threading.Event()

    def slowly(_: Transaction) -> None:
        entered.set()
        gate.wait(60)

    held = asyncio.ensure_future(session._handle.backend.read(slowly, "a slow reader"))
    await asyncio.to_thread(entered.wait, 60)
    waiting = [asyncio.ensure_future(session.get_items()) for _ in range(5)]
    await asyncio.sleep(0)
    for task in waiting[:4]:
        task.cancel()
    held.cancel()
    gate.set()

    assert await waiting[4] == BEFORE
    results = await asyncio.gather(held, *waiting[:4], return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)
    assert await session.get_items() == BEFORE


async def test_a_timeout_is_a_cancellation(path: Path, session: SQLiteSession) -> None:
    await session.add_items(BEFORE)
    with locked(path):
        held = asyncio.ensure_future(session.add_items([user("held")]))
        await asyncio.sleep(0)
        await taken(path)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await session.add_items([user("late")])
    await held

    assert await session.get_items() == [*BEFORE, user("held")]


async def test_a_failure_of_what_was_cancelled_disturbs_nobody(path: Path, session: SQLiteSession) -> None:
    await session.add_items(BEFORE, idempotency_key="k")
    with locked(path):
        task = asyncio.ensure_future(session.add_items([user("c")], idempotency_key="k"))
        await asyncio.sleep(0)
        await taken(path)
        task.cancel()
        await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        await task
    assert await session.get_items() == BEFORE
    assert not database_in(path)._writer._jobs._waiting

"""Waiting: writes at a checkpoint whose put is under way are stored after it, as differences from it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import pytest

from sessions.checkpoints.runs import Run
from sessions.db.transaction import Statement
from sessions.errors import ThreadConflictError, ThreadGoneError
from sessions.testing.checkpoints.shared import PLACE, check_rows, new, write, writes
from sessions.waits.blocking import without_loop

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from sessions.checkpoints.values import NewCheckpoint
    from sessions.store.threads import ThreadStore
    from sessions.testing.checkpoints.shared import OpenThreads

_TEXT: Final = "".join(f"line {number} of a long text\n" for number in range(2000))
_WRITES: Final = Statement("The bytes of all writes.", "select coalesce(sum(length(payload)), 0) from {writes}")


def _step(number: int, **others: Any) -> NewCheckpoint:
    """Return a step of a run, whose text grows by a line each."""
    parent_id = f"{number - 1:03}" if number else None
    return new(f"{number:03}", parent_id, {"a": _text(number)}, versions={"a": number}, **others)


def _text(number: int) -> str:
    return _TEXT + "more\n" * number


def _write(store: ThreadStore, number: int, run: Run | None = None, task: str = "t") -> Coroutine[Any, Any, None]:
    """Write the next step's text at a step, as its node does."""
    return store.put_writes(PLACE, f"{number:03}", task, "", [write(0, "a", _text(number + 1))], run=run)


async def _bytes(store: ThreadStore) -> int:
    (found,) = await store._backend.read(lambda tx: tx.the(_WRITES), "writes")  # noqa: SLF001 - no object shows rows
    return int(found)


async def _check(store: ThreadStore, *numbers: int) -> None:
    """Assert that steps have their writes."""
    for number in numbers:
        found = await store.read(PLACE, f"{number:03}")
        assert found is not None
        assert [one[2] for one in writes(found)] == [_text(number + 1)]
    await check_rows(store)


class WaitingContract:
    """Writes beside the put of their checkpoint."""

    async def test_writes_beside_the_put_of_their_checkpoint_are_differences(self, open_threads: OpenThreads) -> None:
        """Fails without: checkpoints/under_way.py, `put.ended()`."""
        store = open_threads()
        for number in range(4):
            await asyncio.gather(store.put(PLACE, _step(number)), _write(store, number))
        assert await _bytes(store) < 4 * 300
        await _check(open_threads(), 0, 1, 2, 3)

    async def test_a_run_writes_at_checkpoints_whose_puts_come_after_the_one_under_way(
        self, open_threads: OpenThreads
    ) -> None:
        """Fails without: checkpoints/under_way.py, `run.putting(place)`."""
        store, run = open_threads(), Run()
        before: asyncio.Future[None] | None = None

        async def put(number: int, before: asyncio.Future[None] | None) -> None:
            if before is not None:
                await before
            await store.put(PLACE, _step(number), run=run)

        tasks = []
        for number in range(6):
            before = asyncio.ensure_future(put(number, before))
            tasks += [before, asyncio.ensure_future(_write(store, number, run))]
        await asyncio.gather(*tasks)
        assert await _bytes(store) < 6 * 300
        await _check(open_threads(), *range(6))

    async def test_writes_of_threads_wait_as_well(self, open_threads: OpenThreads) -> None:
        """Fails without: checkpoints/under_way.py, `over.wait(WAIT_AT_MOST)`."""
        store = open_threads()

        def chain() -> None:
            with ThreadPoolExecutor(2) as pool:
                for number in range(4):
                    with store.putting(PLACE, f"{number:03}") as putting:
                        writing = pool.submit(without_loop, _write(store, number))
                        pool.submit(without_loop, store.put(PLACE, _step(number), putting=putting)).result()
                        writing.result()

        await asyncio.to_thread(chain)
        assert await _bytes(store) < 4 * 300
        await _check(open_threads(), *range(4))

    async def test_small_writes_do_not_wait(self, open_threads: OpenThreads) -> None:
        store = open_threads()
        await store.put(PLACE, _step(0))
        with store.putting(PLACE, "001"):
            async with asyncio.timeout(4):
                await store.put_writes(PLACE, "001", "t", "", [write(0, "a", "small")])

    async def test_writes_are_stored_although_the_put_of_their_checkpoint_fails(
        self, open_threads: OpenThreads
    ) -> None:
        store, other = open_threads(), open_threads()
        await store.put(PLACE, _step(0))
        await other.put(PLACE, new("000-other", "000", {"a": 1}))
        for run, task in ((None, "t"), (Run(), "u")):
            refused = store.put(PLACE, _step(1, follows_last=True), run=run)
            found = await asyncio.gather(refused, _write(store, 1, run, task), return_exceptions=True)
            assert isinstance(found[0], ThreadConflictError)
            assert found[1] is None
        await other.put(PLACE, _step(1))
        read = await other.read(PLACE, "001")
        assert read is not None
        assert [one[2] for one in writes(read)] == [_text(2)] * 2

    async def test_writes_are_refused_with_the_put_of_their_checkpoint(self, open_threads: OpenThreads) -> None:
        store, run = open_threads(), Run()
        await store.put(PLACE, _step(0), run=run)
        await open_threads().delete("t")
        late = store.put(PLACE, _step(1), run=run), _write(store, 1, run), _write(store, 2, run)
        found = await asyncio.gather(*late, return_exceptions=True)
        assert [type(one) for one in found] == [ThreadGoneError] * 3
        assert await store.threads() == []

    async def test_writes_are_stored_although_the_put_of_their_checkpoint_is_cancelled(
        self, open_threads: OpenThreads
    ) -> None:
        store, run = open_threads(), Run()
        await store.put(PLACE, _step(0), run=run)
        for number in range(1, 12):
            putting = asyncio.ensure_future(store.put(PLACE, _step(number), run=run))
            writing = asyncio.ensure_future(_write(store, number, run))
            for _ in range(number):
                await asyncio.sleep(0)
            putting.cancel()
            await asyncio.wait([putting])
            await writing
            await store.put(PLACE, _step(number), run=run)
        await _check(open_threads(), *range(1, 12))

    async def test_writes_that_wait_are_cancelled(self, open_threads: OpenThreads) -> None:
        store = open_threads()
        await store.put(PLACE, _step(0))
        with store.putting(PLACE, "001") as putting:
            writing = asyncio.ensure_future(_write(store, 1))
            await asyncio.sleep(0.01)
            assert not writing.done()
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
            await store.put(PLACE, _step(1), putting=putting)
        found = await store.read(PLACE)
        assert found is not None
        assert writes(found) == []

    async def test_nothing_waits_for_a_put_that_never_comes(self, open_threads: OpenThreads) -> None:
        store, run = open_threads(), Run()
        await store.put(PLACE, _step(0), run=run)
        async with asyncio.timeout(4):
            await _write(store, 1)
            await _write(store, 2, run)
            # That of another checkpoint is under way, which is no part of a run, or of another run.
            with store.putting(PLACE, "001"), store.putting(PLACE, "002", Run()):
                await _write(store, 3)
                await _write(store, 4, run)

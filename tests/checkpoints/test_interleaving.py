"""Another process changes the thread between any two statements of an operation: no row is lost, and none left over.

As `tests/sql/test_interleaving.py`: before the n-th statement of an operation and before each one after it, a thread
with an event loop and a store of its own does something to the same thread. Once the operation holds the lock, that
waits and goes on afterwards. That n is the last one, as there.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from functools import partial
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

import pytest

from sessions import clock, generate_key, open_store
from sessions.checkpoints.remembered import Remembered
from sessions.checkpoints.statements.lines import LINES_OF, LOCK_LINE, LOCK_LINE_OF, LOCK_THREAD, SHARE_LINE
from sessions.checkpoints.values import Query
from sessions.db.transaction import Statement
from sessions.errors import ThreadExistsError, ThreadGoneError
from sessions.store.threads import ThreadStore, covers_of
from sessions.testing.checkpoints.changes import AGAIN, CHANGES, LONG, WRITTEN, begin
from sessions.testing.checkpoints.shared import PLACE, check_rows, contents, new, write, writes
from tests.sql.test_interleaving import InterruptedTransaction, waits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sessions.db import Backend
    from sessions.db.transaction import Row, Transaction
    from sessions.testing.checkpoints.changes import Change
    from sessions.testing.checkpoints.shared import OpenThreads

_VALUES: Final[dict[str, list[Any]]] = {
    "1": [LONG[:6]],
    "2": [LONG[:7]],
    "3": [LONG, AGAIN],
    "4": [[*LONG, "4"]],
    "5": [[*LONG, "5"]],
}
"""The values that the checkpoints of an id may have."""

_ALL_WRITES: Final = [
    ("old", 0, [*LONG, "old"]), ("old", 1, 2), ("task", 0, WRITTEN), ("task", -1, 1), ("intruder", 0, WRITTEN),
]  # fmt: skip

_LOOSE: Final = Statement(
    "Writes whose checkpoint is gone.",
    """
    select count(*) from {writes} w where not exists (
        select 1 from {checkpoints} c where c.line = w.line and c.checkpoint_id = w.checkpoint_id
    )
    """,
)

_LOCKS: Final = (LOCK_THREAD, LINES_OF, LOCK_LINE, LOCK_LINE_OF, SHARE_LINE)

INTRUDERS: Final[dict[str, Change]] = {
    "put": lambda store: store.put(PLACE, new("5", "3", {"a": [*LONG, "5"]}, versions={"a": 5})),
    "put again": CHANGES["put again"],
    "prune": CHANGES["prune"],
    "delete": CHANGES["delete"],
    "erase": CHANGES["erase"],
    "put_writes": lambda store: store.put_writes(PLACE, "3", "intruder", "", [write(0, "a", WRITTEN)]),
}


class Interrupted:
    """A hold on a database that interrupts the changes made through it before the n-th statement, from 1, and after."""

    def __init__(self, backend: Backend, first: int, elsewhere: Elsewhere) -> None:
        self._backend = backend
        self._first = first
        self._elsewhere = elsewhere
        self._attempts = 0
        self.read = backend.read
        self.left = first

    @property
    def is_last(self) -> bool:
        """Whether there is no later statement, or the other process would wait there as well.

        So it does if it waited for the operation's only transaction, which was not made again.
        """
        return self.left > 0 or (self._elsewhere.waits and self._attempts == 1)

    async def write(self, work: Callable[[Transaction], Any], subject: str) -> Any:
        return await self._backend.write(partial(self._interrupted, work), subject)

    def _interrupted(self, work: Callable[[Transaction], Any], tx: Transaction) -> Any:
        self._attempts += 1
        between = InterruptedTransaction(tx, self._first, partial(self._elsewhere.interrupt, tx))
        try:
            return work(between)
        finally:
            # An attempt that is made again may end before the statement that the first one came to.
            self.left = min(self.left, between.left)


class Elsewhere:
    """Another process, which does one thing to the thread: once, before the statement at which it is called first."""

    def __init__(self, store: ThreadStore, change: Change) -> None:
        self._store = store
        self._change = change
        self._thread: threading.Thread | None = None
        self.waits = False

    def interrupt(self, tx: Transaction) -> None:
        if self._thread is None:
            self._thread = thread = threading.Thread(target=lambda: asyncio.run(self._run()))
            thread.start()
            self.waits = waits(tx, lambda: not thread.is_alive())

    async def _run(self) -> None:
        with suppress(ThreadGoneError):
            await self._change(self._store)

    def finish(self) -> None:
        if self._thread is not None:
            self._thread.join()


def _pairs() -> Iterator[Any]:
    """Yield all pairs; every run tests those of what may happen to a run that is under way."""
    for operation in CHANGES:
        for intruder in INTRUDERS:
            always = operation in {"put", "put_writes"} and intruder in {"put again", "prune", "delete", "erase"}
            always = always or (operation in {"prune", "delete", "put again"} and intruder == "put_writes")
            marks = () if always else pytest.mark.everything
            yield pytest.param(operation, intruder, marks=marks, id=f"{operation}-{intruder}")


@pytest.mark.parametrize(("operation", "intruder"), list(_pairs()))
@pytest.mark.usefixtures("no_upkeep")
async def test_changes_between_any_two_statements(open_threads: OpenThreads, operation: str, intruder: str) -> None:
    """Fails without: checkpoints/lines.py, a lock; checkpoints/put_writes.py, the look at the checkpoint's row."""
    first = 0
    store, other = open_threads(), open_threads()
    while True:
        first += 1
        store._remembered, other._remembered = Remembered(), Remembered()
        await store.delete("t")
        await begin(store)
        await other.read(PLACE)
        await other.read(PLACE, "2")
        elsewhere = Elsewhere(other, INTRUDERS[intruder])
        between = Interrupted(store._backend, first, elsewhere)
        store._backend, backend = between, store._backend  # type: ignore[assignment]  # as far as changes go
        try:
            await CHANGES[operation](store)
        except (ThreadGoneError, ThreadExistsError):
            assert intruder in {"delete", "erase"}
        finally:
            store._backend = backend
        await asyncio.to_thread(elsewhere.finish)
        await _check(store)
        if between.is_last:
            break
    assert elsewhere.waits or first > 2, "nothing was interrupted"


async def _check(store: ThreadStore) -> None:
    await check_rows(store)
    (loose,) = await store._backend.read(lambda tx: tx.the(_LOOSE), "this test")
    assert loose == 0
    async for found in store.list(Query()):
        assert contents(found)["a"] in _VALUES[found.checkpoint_id]
        for task, _, content, _, number in writes(found):
            assert (task, number, content) in _ALL_WRITES


@pytest.mark.parametrize("operation", ["put", "put again", "put_writes"])
@pytest.mark.usefixtures("no_upkeep")
async def test_new_keys_between_any_two_statements(anywhere: str, operation: str) -> None:
    """Nothing is encrypted with a data key that a rotation has dropped: all can be read with the newest one.

    Fails without: checkpoints/lines.py, the comparison of numbers in `_locked`; checkpoints/rotating.py, `RAISE_LINE`.
    """
    first, key = 0, generate_key()
    async with (
        open_store(anywhere, encryption_key=key, create_tables=True) as here,
        open_store(anywhere, encryption_key=key, create_tables=True) as there,
    ):
        store, other = (
            ThreadStore(one._backend, covers=covers_of(one._backend, one._encryption)) for one in (here, there)
        )
        while True:
            first += 1
            store._remembered = Remembered()
            await begin(store)
            elsewhere = Elsewhere(other, lambda _: there.rotate(reencrypt=True))
            between = Interrupted(store._backend, first, elsewhere)
            store._backend, backend = between, store._backend  # type: ignore[assignment]  # as far as changes go
            try:
                await CHANGES[operation](store)
            finally:
                store._backend = backend
            await asyncio.to_thread(elsewhere.finish)
            store._remembered = Remembered()
            await _check(store)
            if between.is_last:
                break
        await store.aclose()
        await other.aclose()
    assert elsewhere.waits or first > 2, "nothing was interrupted"


class _Noted(InterruptedTransaction):
    """Notes the statements that may lock rows."""

    def __init__(self, tx: Transaction, noted: list[Statement]) -> None:
        super().__init__(tx, 1, lambda: None)
        self._noted = noted

    def one(self, statement: Statement, /, **values: Any) -> Row | None:
        self._noted.append(statement)
        return super().one(statement, **values)

    def all(self, statement: Statement, /, **values: Any) -> list[Row]:
        self._noted.append(statement)
        return super().all(statement, **values)


@pytest.mark.parametrize("operation", ["put", "put again", "put_writes"])
@pytest.mark.usefixtures("no_upkeep")
async def test_a_thread_is_locked_before_its_lines(
    open_threads: OpenThreads, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    """An expired one is begun again: in the order of all other changes, so that none wait each for the other.

    Fails without: checkpoints/lines.py, `is_expired(tx, thread, updated_at, now)` before the lock.
    """
    maker, noted = open_threads(ttl=10_000_000), list[Statement]()
    await begin(maker)
    monkeypatch.setattr(clock, "time_ns", lambda: time_ns() + 11_000_000_000)
    # One that knows the thread is refused, and one that does not begins it again.
    for store in (maker, open_threads()):
        noted.clear()
        backend = store._backend
        write = backend.write

        def noting(work: Any, subject: str, write: Any = write) -> Any:
            return write(lambda tx: work(_Noted(tx, noted)), subject)

        monkeypatch.setattr(backend, "write", noting)
        with suppress(ThreadGoneError):
            await CHANGES[operation](store)
        locks = [one for one in noted if any(one is lock for lock in _LOCKS)]
        assert locks[0] is LOCK_THREAD
        assert len(locks) > 1
    await check_rows(maker)


@pytest.mark.usefixtures("no_upkeep")
async def test_a_thread_that_is_put_to_in_time_is_not_purged(
    open_threads: OpenThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time comes while the put is under way: it either keeps the thread, or is told that it is gone.

    Fails without: checkpoints/threads.py, `locked_has_expired`: the lines that are locked there.
    """
    first = kept = 0
    store, other = open_threads(ttl=10_000_000), open_threads()
    started = time_ns()
    at = [0]
    monkeypatch.setattr(clock, "time_ns", lambda: started + at[0] * 1_000_000_000)
    while True:
        first += 1
        store._remembered = Remembered()
        await store.delete("t")
        await begin(store)
        at[0] += 9

        async def purge(store: ThreadStore) -> None:
            at[0] += 2
            await store.purge_expired()

        elsewhere = Elsewhere(other, purge)
        between = Interrupted(store._backend, first, elsewhere)
        store._backend, backend = between, store._backend  # type: ignore[assignment]  # as far as changes go
        is_kept = False
        try:
            await CHANGES["put"](store)
            is_kept = True
        except ThreadGoneError:
            pass
        finally:
            store._backend = backend
        await asyncio.to_thread(elsewhere.finish)
        found = await other.read(PLACE, "4")
        assert (found is not None) == is_kept
        kept += is_kept
        await check_rows(store)
        if between.left > 0:
            break
    assert kept > 2

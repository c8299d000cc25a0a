"""On SQLite an operation needs no event loop: it blocks its thread, shares transactions with all others, and cannot
deadlock with a loop that runs on the same thread."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from sessions.db.sqlite.backend import SQLiteBackend
from tests.sqlite_store.inside import database_in, locked

from .key_values import KEY_VALUES, Get, Put
from .without_loop import SUBJECT, check_no_loop_is_needed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sessions.db.transaction import Transaction


class Noting(Put, frozen=True, eq=False):
    """Notes in which transactions it was done."""

    done_in: list[Transaction] = []  # noqa: RUF012 - each `Struct` has its own

    def __call__(self, tx: Transaction) -> None:
        self.done_in.append(tx)
        super().__call__(tx)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "values.db"


@pytest.fixture
def backend(path: Path) -> Iterator[SQLiteBackend]:
    made = SQLiteBackend(path, components=[KEY_VALUES])
    made.write_sync(Put("before", b"0"), SUBJECT)
    yield made
    made.close()


def _wait_for(path: Path, waiting: int) -> None:
    """Wait until so many changes wait, and the one that was first has begun."""
    while len(database_in(path)._writer._jobs._waiting) < waiting:
        pass


def test_no_loop_is_needed(backend: SQLiteBackend) -> None:
    check_no_loop_is_needed(backend)


def test_threads_share_transactions(backend: SQLiteBackend, path: Path) -> None:
    """Fails without: db/jobs.py, `_LockJob` in the same lane."""
    done_in: list[Transaction] = []
    puts = [Noting(f"{number}", b"%d" % number, None, None, done_in) for number in range(16)]
    with ThreadPoolExecutor(16) as threads:
        with locked(path):
            waiting = [threads.submit(backend.write_sync, put, SUBJECT) for put in puts]
            _wait_for(path, 8)
        for one in waiting:
            one.result()
    assert len({id(tx) for tx in done_in}) < 16
    assert [backend.read_sync(Get(put.name), SUBJECT) for put in puts] == [put.value for put in puts]


async def test_on_the_thread_of_a_loop_that_writes(backend: SQLiteBackend) -> None:
    """Fails without: db/sqlite/worker.py, `job.settle()` (waits for the loop that it blocks)."""
    others = [asyncio.create_task(backend.write(Put(f"{number}", b"x"), SUBJECT)) for number in range(8)]
    await asyncio.sleep(0)
    for number in range(20):
        backend.write_sync(Put("a", b"%d" % number), SUBJECT)
        assert backend.read_sync(Get("a"), SUBJECT) == b"%d" % number
    await asyncio.gather(*others)
    # What follows in this task waits in the loop again.
    assert await backend.read(Get("7"), SUBJECT) == b"x"


def test_who_is_interrupted_is_told_when_the_outcome_is_settled(backend: SQLiteBackend) -> None:
    """
    Fails without: db/jobs.py, `await job.wait_until_settled()` (the change is done later), or `interrupted_by` of
    `_LockJob`.
    """
    release = threading.Event()
    done: list[str] = []

    def interrupt_and_release() -> None:
        release.wait()
        for _ in range(3):
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    helper = threading.Thread(target=interrupt_and_release)
    helper.start()

    def interrupted(tx: Transaction) -> None:
        # It has begun: now its caller is interrupted, three times.
        release.set()
        helper.join()
        time.sleep(0.2)
        Put("a", b"1")(tx)
        done.append("done")

    with pytest.raises(KeyboardInterrupt):
        backend.write_sync(interrupted, SUBJECT)
    assert done
    assert backend.read_sync(Get("a"), SUBJECT) == b"1"


def test_from_within_an_operation_it_is_refused(backend: SQLiteBackend) -> None:
    """Fails without: db/sqlite/backend.py, `is_connection_thread()` (waits for itself)."""

    def read_again(call: Callable[..., object]) -> Callable[[Transaction], object]:
        return lambda _: call(Get("before"), SUBJECT)

    for within in (backend.write_sync, backend.read_sync):
        for call in (backend.read_sync, backend.write_sync):
            with pytest.raises(RuntimeError, match="a value: it was called inside another operation"):
                within(read_again(call), SUBJECT)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_has_connections_of_its_own(backend: SQLiteBackend) -> None:
    child = os.fork()
    if not child:
        try:
            backend.write_sync(Put("child", b"1"), SUBJECT)
            assert backend.read_sync(Get("before"), SUBJECT) == b"0"
        except BaseException:  # noqa: BLE001 - pytest must not go on in the child
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    backend.write_sync(Put("parent", b"1"), SUBJECT)
    assert os.waitpid(child, 0)[1] == 0
    assert [backend.read_sync(Get(name), SUBJECT) for name in ("before", "child", "parent")] == [b"0", b"1", b"1"]


def test_in_memory() -> None:
    backend = SQLiteBackend(components=[KEY_VALUES])
    backend.write_sync(Put("a", b"1"), SUBJECT)
    assert backend.read_sync(Get("a"), SUBJECT) == b"1"
    backend.close()

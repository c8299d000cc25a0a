"""Processes take turns at writing, and one that hangs in its turn stops nobody for longer than the busy timeout."""

from __future__ import annotations

import asyncio
import fcntl
import multiprocessing
import os
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from sessions import SQLiteSession, StoreBusyError, open_store
from sessions.db.sqlite.write_lock import WriteTurn

from .programs import HANGS_AFTER

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import SynchronizedArray
    from multiprocessing.synchronize import Event

    from .conftest import Start
    from .programs import Program

_PROCESSES, _TASKS = 4, 8
_MEASURED = 4000

_STOPS_IN_ITS_TURN = """
    from sessions.db.sqlite.opening import Opening

    session = SQLiteSession("conversation", path)
    add(session, {"n": "before"})
    take_turn = Opening.take_turn
    def take_turn_and_stop(opening):
        take_turn(opening)
        Opening.take_turn = take_turn
        stop()
    Opening.take_turn = take_turn_and_stop
    add(session, {"n": "stopped"})
    add(session, {"n": "after"})
"""


def test_shares_are_about_equal(path: Path) -> None:
    """Counts appends while all processes append, not time: the machine may be as slow as it likes.

    Each process appends as fast as it can, from the moment on that all do, until there are enough. In turns each
    process gets one commit after the other, so the shares differ by what a group holds: measured 0.9 and more.
    Without turns SQLite's retries are at random and with growing pauses: 0.1 to 0.3.

    Fails without: db/sqlite/write_lock.py, the `fcntl.flock` calls in `take` and `_Place.stand`.
    """
    spawn = multiprocessing.get_context("spawn")
    counts = spawn.Array("q", _PROCESSES)
    enough = spawn.Event()
    processes = [spawn.Process(target=_append, args=(path, number, counts, enough)) for number in range(_PROCESSES)]
    for process in processes:
        process.start()
    deadline = time.monotonic() + HANGS_AFTER
    while min(counts[:]) < 100 and time.monotonic() < deadline:
        time.sleep(0.01)
    begin = counts[:]
    while sum(counts[:]) - sum(begin) < _MEASURED and time.monotonic() < deadline:
        time.sleep(0.01)
    shares = [now - then for now, then in zip(counts[:], begin, strict=True)]
    enough.set()
    for process in processes:
        process.join(HANGS_AFTER)
        process.kill()  # Only if it hangs.

    assert sum(shares) >= _MEASURED
    assert min(shares) / max(shares) > 0.5, shares


@pytest.mark.parametrize("end", ["goes on", "is killed"])
async def test_a_process_that_hangs_in_its_turn(path: Path, start: Start, end: str) -> None:
    """Fails without: db/sqlite/write_lock.py, `if not place.within(timeout)` (a wait without end)."""
    holder = start(_STOPS_IN_ITS_TURN, path)
    holder.wait_until_stopped()
    session = SQLiteSession("conversation", path, busy_timeout=0.5)

    error = await _refusal(session, holder)
    assert str(error).startswith(f"session 'conversation': other processes were writing {path} ")
    assert "Nothing was changed" in str(error)
    assert await session.get_items() == [{"n": "before"}]

    if end == "goes on":
        holder.go_on()
        holder.finish()
    else:
        holder.kill()
    await SQLiteSession("conversation", path).add_items([{"n": "later"}])
    session.close()
    found = [item["n"] for item in await SQLiteSession("conversation", path).get_items()]
    assert found == (["before", "stopped", "after", "later"] if end == "goes on" else ["before", "later"])


_STOPS_WHILE_ITS_MAIN_THREAD_WAITS = """
    import time

    first, last = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))

    def work():
        os.sched_setaffinity(threading.get_native_id(), {last})
        stop()
        say("went on")

    os.sched_setaffinity(threading.main_thread().native_id, {first})
    os.sched_setscheduler(threading.main_thread().native_id, os.SCHED_IDLE, os.sched_param(0))
    threading.Thread(target=work).start()
    while True:
        time.sleep(0.0001)
"""
_KEEPS_A_PROCESSOR_BUSY = """
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    say("busy")
    while True:
        pass
"""


@pytest.mark.skipif(not hasattr(os, "sched_setscheduler"), reason="sets the priority of threads, as Linux can")
def test_a_thread_that_stops_its_process_goes_no_further(start: Start) -> None:
    """Also where its main thread gets no processor: the holder of the test above once committed before it stopped.

    Fails without: `pthread_kill` in the preamble of programs (as `os.kill`, where there are two processors).
    """
    start(_KEEPS_A_PROCESSOR_BUSY).expect("busy")
    program = start(_STOPS_WHILE_ITS_MAIN_THREAD_WAITS)
    program.wait_until_stopped()
    assert program.kill() == []


async def test_a_waiter_that_gave_up_leaves_nothing_locked(path: Path, start: Start) -> None:
    """It still stands in the kernel's line; when its turn comes, it must pass it on.

    Fails without: db/sqlite/write_lock.py, `_line.forget(self)` in `_Place.stand`.
    """
    holder = start(_STOPS_IN_ITS_TURN, path)
    holder.wait_until_stopped()
    session = SQLiteSession("conversation", path, busy_timeout=0.1)
    for _ in range(3):
        await _refusal(session, holder)
    holder.kill()

    with (path.parent / f"{path.name}-lock").open() as lock:
        deadline = time.monotonic() + HANGS_AFTER
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                assert time.monotonic() < deadline, "a turn that was given up is still taken"
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("sessions", ["one", "a new one each time", "as many at once", "behind SQLAlchemy"])
async def test_any_number_of_attempts_leaves_a_bounded_number_of_threads_and_files(path: Path, sessions: str) -> None:
    """Fails without: db/sqlite/write_lock.py, `place = places.pop(0)`."""
    url = f"sqlite+aiosqlite:///{path}" if "SQLAlchemy" in sessions else f"sqlite:///{path}"
    options: dict[str, Any] = {"busy_timeout": 0.005}
    if "SQLAlchemy" in sessions:
        options = {"create_tables": True, "engine_kwargs": {"connect_args": {"timeout": 0.005}}}
    kept = open_store(url, **options)
    await kept.session("s").add_items([{"n": "before"}])
    process = psutil.Process()

    async def attempt() -> None:
        store = open_store(url, **options) if "new" in sessions else kept
        with pytest.raises(StoreBusyError):
            await store.session("s").add_items([{"n": "refused"}])
        if store is not kept:
            await store.close()

    with (path.parent / f"{path.name}-lock").open("w") as lock, closing(sqlite3.connect(path)) as other:
        fcntl.flock(lock, fcntl.LOCK_EX)
        other.execute("begin immediate")
        before = process.num_threads(), process.num_fds()
        for _ in range(50 if "SQLAlchemy" not in sessions else 5):
            await asyncio.gather(*(attempt() for _ in range(4 if "many" in sessions else 1)))
        after = process.num_threads(), process.num_fds()
    assert after[0] <= before[0] + 3
    assert after[1] <= before[1] + 6

    async with asyncio.timeout(HANGS_AFTER):
        while True:
            with suppress(StoreBusyError):
                await kept.session("s").add_items([{"n": "later"}])
                break
    assert [item["n"] for item in await kept.session("s").get_items()] == ["before", "later"]
    await kept.close()


async def test_a_place_in_line_is_for_its_own_lock_file(path: Path) -> None:
    """One that was deleted and made again is another one, and nobody holds that.

    Fails without: db/sqlite/write_lock.py, `LockFile` as the key of `_given_up`.
    """
    lock_path = f"{path}-lock"
    first, second = WriteTurn(lock_path), WriteTurn(lock_path)
    with Path(lock_path).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert not first.take(0.01)
        Path(lock_path).unlink()
        assert second.take(0.01)
        third = WriteTurn(lock_path)
        assert not third.take(0.01)
        second.give_back()
        assert third.take(HANGS_AFTER)
    for turn in (first, second, third):
        turn.close()


async def _refusal(session: SQLiteSession, holder: Program) -> StoreBusyError:
    """Return the error that an append gets while `holder` hangs."""
    appending = asyncio.ensure_future(session.add_items([{"n": "refused"}]))
    await asyncio.wait([appending], timeout=HANGS_AFTER)
    if not appending.done():
        holder.kill()  # Cancelling would wait for the outcome.
    with pytest.raises(StoreBusyError) as caught:
        await appending
    return caught.value


def _append(path: Path, number: int, counts: SynchronizedArray[int], enough: Event) -> None:
    async def write(task: int) -> None:
        session = SQLiteSession(f"conversation {number}.{task}", path, busy_timeout=HANGS_AFTER)
        while not enough.is_set():
            await session.add_items([{"n": task}])
            counts[number] += 1

    async def write_all() -> None:
        await asyncio.gather(*map(write, range(_TASKS)))

    asyncio.run(write_all())

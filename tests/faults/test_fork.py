"""A process with open sessions forks.

SQLite connections must not cross a fork: the child would believe to hold its parent's locks and write without any.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest

from sessions import SQLiteSession

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Start

# Python 3.12 warns whenever a process with threads forks; a session's threads stand still meanwhile.
_OPTIONS = ("-X", "dev", "-W", "error", "-W", "ignore:.*fork:DeprecationWarning")

_ends = pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit()"])

_FORK = """
    def fork(work, *arguments):
        pid = os.fork()
        if not pid:
            work(*arguments)
            END
        return pid

    def wait(*pids):
        for pid in pids:
            status = os.waitpid(pid, 0)[1]
            assert status == 0, status
"""


def _items(path: Path) -> list[object]:
    found = [item["n"] for item in asyncio.run(SQLiteSession("conversation", path).get_items())]
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
    return found


@_ends
def test_parent_and_children_append_at_the_same_time(path: Path, start: Start, end: str) -> None:
    """All with the session object that the parent has been using, in three generations.

    Fails without: db/sqlite/registry.py, `_files.clear()` in `after_in_child`, and `if not database.inherited` in
    `before` together with db/sqlite/connection_thread.py, `if not self._thread.is_alive()`.
    """
    start(
        _FORK.replace("END", end)
        + """
    session = SQLiteSession("conversation", path)
    add(session, {"n": "before"})
    items(session)

    def append(name, generation):
        children = [fork(append, f"{name}.{n}", generation - 1) for n in range(2)] if generation else []
        for number in range(20):
            add(session, {"n": f"{name} {number}"})
        assert items(session)[0] == {"n": "before"}
        wait(*children)

    append("parent", 2)
    """,
        path,
        options=_OPTIONS,
    ).finish()

    found = _items(path)
    names = ["parent", *(f"parent.{n}" for n in "01"), *(f"parent.{n}.{m}" for n in "01" for m in "01")]
    assert len(found) == 1 + 7 * 20
    for name in names:
        assert [n for n in found if str(n).startswith(f"{name} ")] == [f"{name} {number}" for number in range(20)]


@_ends
@pytest.mark.parametrize("first", ["parent", "child"])
def test_the_first_to_end_takes_nothing_from_the_other(path: Path, start: Start, end: str, first: str) -> None:
    """SQLite's last connection to a file removes the WAL: neither may think that it is the last when it is not.

    Fails without: db/sqlite/database.py, `close=self.path != MEMORY` in `park` (as False).
    """
    start(
        _FORK.replace("END", end)
        + """
    session = SQLiteSession("conversation", path)
    add(session, {"n": "before"})
    ours, theirs = os.pipe(), os.pipe()

    def append_around_the_others_end(name, hear, say):
        add(session, {"n": f"{name} one"})
        os.write(say, b".")
        os.read(hear, 1)
        if name == sys.argv[2]:
            session.close()
            os.write(say, b".")
        else:
            os.read(hear, 1)
            for number in range(5):
                add(session, {"n": f"{name} {number}"})
            assert len(items(session)) == 8

    child = fork(append_around_the_others_end, "child", ours[0], theirs[1])
    append_around_the_others_end("parent", theirs[0], ours[1])
    wait(child)
    """,
        path,
        first,
        options=_OPTIONS,
    ).finish()

    other = {"parent": "child", "child": "parent"}[first]
    found = _items(path)
    assert sorted(map(str, found[:3])) == ["before", "child one", "parent one"]
    assert found[3:] == [f"{other} {number}" for number in range(5)]


def test_forking_after_sessions_were_closed(path: Path, start: Start) -> None:
    """A closed session's threads are gone, and the fork must not wait for them.

    Fails without: db/sqlite/connection_thread.py, `if not self._thread.is_alive()` in `park`.
    """
    start(
        _FORK.replace("END", "os._exit(0)")
        + """
    for number in range(3):
        session, in_memory = SQLiteSession("conversation", path), SQLiteSession("conversation")
        add(session, {"n": number})
        add(in_memory, {"n": number})
        session.close()
        in_memory.close()
    session = SQLiteSession("conversation", path)
    wait(fork(lambda: add(session, {"n": "child"})))
    """,
        path,
        options=_OPTIONS,
    ).finish()

    assert _items(path) == [0, 1, 2, "child"]


@_ends
def test_a_child_that_does_nothing_does_no_harm(path: Path, start: Start, end: str) -> None:
    """Not even by ending as an interpreter does, with all its objects.

    Fails without: db/sqlite/registry.py, `self._over.set()` in `after_in_parent` (the parent's threads stand still
    for ever).
    """
    start(
        _FORK.replace("END", end)
        + """
    session = SQLiteSession("conversation", path)
    add(session, {"n": "before"})
    for number in range(20):
        wait(fork(lambda: None))
        add(session, {"n": number})
    """,
        path,
        options=_OPTIONS,
    ).finish()

    assert _items(path) == ["before", *range(20)]


def test_multiprocessing_with_fork(path: Path, start: Start) -> None:
    """Fails without: db/sqlite/registry.py, `_files.clear()` in `after_in_child`."""
    start(
        """
        import multiprocessing
        session = SQLiteSession("conversation", path)
        add(session, {"n": "before"})
        def work(name):
            for number in range(20):
                add(session, {"n": f"{name} {number}"})
        context = multiprocessing.get_context("fork")
        processes = [context.Process(target=work, args=[name]) for name in "abc"]
        for process in processes: process.start()
        work("parent")
        for process in processes: process.join()
        assert [process.exitcode for process in processes] == [0, 0, 0]
        """,
        path,
        options=_OPTIONS,
    ).finish()

    expected = [f"{name} {number}" for name in ("a", "b", "c", "parent") for number in range(20)]
    assert sorted(map(str, _items(path))) == sorted(["before", *expected])


def test_a_session_in_memory_stays_with_the_parent(start: Start) -> None:
    """Fails without: db/sqlite/backend.py, `if database.inherited`."""
    said = start(
        _FORK.replace("END", "os._exit(0)")
        + """
    session = SQLiteSession("conversation")
    add(session, {"n": 1})

    def use():
        for operation in (session.get_items, session.pop_item, lambda: session.add_items([{"n": 2}])):
            try:
                asyncio.run(operation())
            except Exception as error:
                say(type(error).__name__, "forked" in str(error), "'conversation'" in str(error))
        session.close()
        add(SQLiteSession("conversation"), {"n": "its own"})

    wait(fork(use))
    say(items(session))
    """,
        options=_OPTIONS,
    ).finish()

    assert said == ["StoreError True True"] * 3 + ["[{'n': 1}]"]


@_ends
def test_forking_while_other_threads_write_and_read(path: Path, start: Start, end: str) -> None:
    """The fork comes at any moment of a transaction, sixty times.

    Fails without: db/sqlite/registry.py, `if not stopped(deadline)` in `before` (not waited for, a thread is caught
    in its transaction).
    """
    said = start(
        _FORK.replace("END", end)
        + """
    import threading
    session, in_memory = SQLiteSession("conversation", path, busy_timeout=60), SQLiteSession("conversation")
    add(session, {"n": "before"})
    over = threading.Event()
    acknowledged = []

    async def write(session, task):
        number = 0
        while not over.is_set():
            await session.add_items([{"n": f"parent {task} {number}"}])
            await session.get_items(5)
            acknowledged.append(task)
            number += 1

    async def work():
        await asyncio.gather(*(write(session, task) for task in range(4)), *(write(in_memory, 4) for task in range(2)))

    def append(number):
        add(session, {"n": f"child {number}"})
        assert items(session)

    thread = threading.Thread(target=asyncio.run, args=[work()])
    thread.start()
    while len(acknowledged) < 20: pass
    for number in range(60):
        wait(fork(append, number))
    over.set()
    thread.join()
    for task in range(4):
        say(task, acknowledged.count(task))
    """,
        path,
        options=_OPTIONS,
    ).finish()

    found = list(map(str, _items(path)))
    assert [n for n in found if n.startswith("child")] == [f"child {number}" for number in range(60)]
    for task, count in (line.split() for line in said):
        assert [n for n in found if n.startswith(f"parent {task}")] == [
            f"parent {task} {number}" for number in range(int(count))
        ]


def test_a_turn_that_was_given_up_before_the_fork_is_passed_on(path: Path, start: Start) -> None:
    """The child has a copy of the descriptor with which the parent still stands in line.

    Fails without: db/sqlite/write_lock.py, `fcntl.LOCK_UN` in `_Place.stand`.
    """
    holder = start(
        """
        import fcntl
        lock = open(path + "-lock", "w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        say("held")
        heard()
        """,
        path,
    )
    holder.expect("held")
    waiter = start(
        _FORK.replace("END", "os._exit(0)")
        + """
    session = SQLiteSession("conversation", path, busy_timeout=0.1)
    try:
        add(session, {"n": "refused"})
    except Exception as error:
        say(type(error).__name__)
    pipe = os.pipe()
    child = fork(lambda: (os.close(pipe[1]), os.read(pipe[0], 1)))
    say("forked")
    heard()
    add(SQLiteSession("conversation", path), {"n": "later"})
    os.close(pipe[1])
    wait(child)
    """,
        path,
        options=_OPTIONS,
    )
    waiter.expect("StoreBusyError")
    waiter.expect("forked")
    holder.say()
    holder.finish()
    waiter.say()
    waiter.finish()

    assert _items(path) == ["later"]

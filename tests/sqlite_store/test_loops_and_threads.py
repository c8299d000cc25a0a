"""A session object belongs to no event loop and no thread."""

from __future__ import annotations

import asyncio
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from sessions import SQLiteSession, open_store
from sessions.db.sqlite import registry

from .inside import locked, stored, taken, user

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def in_threads(count: int, work: Callable[[int], Any]) -> None:
    """Run `work` in so many threads, which begin at the same moment."""
    barrier = threading.Barrier(count)

    def begin(number: int) -> Any:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(begin, range(count)))


def make(kind: str, path: Path) -> Any:
    if kind == "store in memory":
        return open_store("sqlite://").session("s")
    return SQLiteSession("s") if kind == "memory" else SQLiteSession("s", path)


# Fails without: db/sqlite/registry.py, `with _lock:` (in `open_memory` and `open_file`)
@pytest.mark.parametrize("kind", ["memory", "store in memory", "file"])
def test_the_first_use_may_come_from_several_threads(path: Path, kind: str) -> None:
    before = set(threading.enumerate())
    for _ in range(10):
        session = make(kind, path)
        in_threads(8, lambda number: asyncio.run(session.add_items([user(number)])))  # noqa: B023

        contents = [item["content"] for item in asyncio.run(session.get_items())]

        assert sorted(contents) == list("01234567")
        if kind == "file":
            assert len([file for file in registry._files if file == str(path)]) == 1
            began = {thread for thread in threading.enumerate() if thread.name != "sessions-closing"} - before
            assert len(began) == 2, "a reader and a writer"
        asyncio.run(session.clear_session())
        session._handle.backend.close()


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_one_object_in_one_loop_after_another(path: Path, kind: str) -> None:
    session = make(kind, path)
    for number in range(5):
        asyncio.run(session.add_items([user(number)]))
        assert len(asyncio.run(session.get_items())) == number + 1
    session.close()


def test_loops_that_run_at_the_same_time(path: Path) -> None:
    session = SQLiteSession("s", path)

    async def converse(thread: int) -> None:
        async def write(task: int) -> None:
            for number in range(3):
                await session.add_items([user((thread, task, number)), {"role": "assistant", "content": ""}])

        await asyncio.gather(*map(write, range(4)))

    in_threads(4, lambda thread: asyncio.run(converse(thread)))

    items = asyncio.run(session.get_items())
    assert [item["role"] for item in items] == ["user", "assistant"] * 48
    assert len({item["content"] for item in items}) == 49
    session.close()


# Fails without: db/sqlite/worker.py, `except RuntimeError:`
def test_a_loop_that_is_closed_before_its_result_arrives(path: Path, session: SQLiteSession) -> None:
    asyncio.run(session.add_items([user("a")]))
    left_behind = asyncio.new_event_loop()
    left_behind.set_exception_handler(lambda *_: None)  # It reports the task that nobody waits for.
    task = left_behind.create_task(session.add_items([user("b")]))

    async def add_beside_it() -> None:
        """Have the jobs of both loops in one group, the closed one's first."""
        with locked(path):
            held = asyncio.ensure_future(session.add_items([user("held")]))
            await asyncio.sleep(0)
            await taken(path)
            await asyncio.to_thread(left_behind.run_until_complete, asyncio.sleep(0))
            left_behind.close()
            waiting = asyncio.ensure_future(session.add_items([user("c")]))
            await asyncio.sleep(0)
        await held
        await waiting

    asyncio.run(add_beside_it())

    assert asyncio.run(session.get_items()) == list(map(user, ["a", "held", "b", "c"])) == stored(path)
    assert not task.done()


class Found:
    """What a read finds. A weak reference can tell whether it is still there."""


# Fails without: db/jobs.py, `result, self.result = self.result, None`
async def test_a_result_goes_with_its_last_user(path: Path) -> None:
    database = SQLiteSession("s", path)._handle.backend

    found = await database.read(lambda _: Found(), "s")
    seen = weakref.ref(found)
    del found

    assert seen() is None, "neither the loop nor the worker holds it, even before either goes on"

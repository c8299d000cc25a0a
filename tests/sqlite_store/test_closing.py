"""Closing gives up one object's hold; the last one closes the file, at once or (`test_lingering`) in a moment."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from sessions import AsyncSQLiteSession, SessionClosedError, SQLiteSession, open_store
from sessions.db.sqlite import backend, registry

from .inside import database_in, locked, open_files, stored, taken, user

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

OPERATIONS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "get_items": lambda s: s.get_items(),
    "add_items": lambda s: s.add_items([user("late")]),
    "pop_item": lambda s: s.pop_item(),
    "clear_session": lambda s: s.clear_session(),
}
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors in /proc")


async def make_and_close(kind: str, path: Path, *, used: bool) -> Any:
    if kind == "store":
        async with open_store(f"sqlite:///{path}") as store:
            session: Any = store.session("s")
            if used:
                await session.add_items([user("a")])
        return session
    made = AsyncSQLiteSession("s", path) if kind == "AsyncSQLiteSession" else SQLiteSession("s", path)
    if kind == "memory":
        made = SQLiteSession("s")
    if used:
        await made.add_items([user("a")])
    if isinstance(made, AsyncSQLiteSession):
        await made.close()
    else:
        made.close()
    return made


# Fails without: db/sqlite/backend.py, `raise _closed(subject)` (in `database`)
@pytest.mark.parametrize("used", [True, False], ids=["used", "unused"])
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
@pytest.mark.parametrize("kind", ["SQLiteSession", "AsyncSQLiteSession", "memory", "store"])
async def test_a_call_after_closing_says_so(path: Path, kind: str, operation: Any, *, used: bool) -> None:
    session = await make_and_close(kind, path, used=used)

    for _ in range(2):
        with pytest.raises(SessionClosedError, match="session 's' is closed") as caught:
            await operation(session)
        assert isinstance(caught.value, RuntimeError)
    if kind in ("SQLiteSession", "memory"):
        session.close()
    assert path.exists() == (used and kind != "memory")


async def test_a_closed_store_lists_and_deletes_nothing(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")
    await store.session("s").add_items([user("a")])
    await store.close()
    await store.close()

    for call in (store.sessions(), store.delete("s"), store.session("s").get_items()):
        with pytest.raises(SessionClosedError):
            await call
    assert stored(path) == [user("a")]


# Fails without: db/sqlite/registry.py, `if not database.holders:`
# Fails without: db/sqlite/registry.py, `database.join()` (in `end`)
@on_linux
async def test_the_last_to_close_closes_the_file(path: Path) -> None:
    sessions = [SQLiteSession(str(number % 2), path) for number in range(4)]
    for session in sessions:
        await session.add_items([user("a")])
    assert {path.name, f"{path.name}-wal"} <= set(open_files(path))
    database = database_in(path)

    for session in sessions:
        await session.aclose()
        rest = sessions[sessions.index(session) + 1 :]
        for other in rest:
            assert len(await other.get_items()) == 2
            assert database_in(path) is database, "the others go on with the same connections"

    assert open_files(path) == []
    assert not path.with_name(f"{path.name}-wal").exists()
    assert not path.with_name(f"{path.name}-shm").exists()


@on_linux
async def test_a_file_can_be_opened_and_closed_any_number_of_times(path: Path) -> None:
    for number in range(10):
        session = AsyncSQLiteSession("s", path)
        await session.add_items([user(number)])
        assert len(await session.get_items()) == number + 1
        await session.aclose()
        assert open_files(path) == []


async def test_what_was_asked_for_before_closing_is_done(path: Path, ours: Any) -> None:
    session, other = ours(), ours()
    await session.add_items([user("a")])
    with locked(path):
        begun = asyncio.ensure_future(session.add_items([user("b")]))
        await asyncio.sleep(0)
        await taken(path)
        waiting = [asyncio.ensure_future(session.add_items([user(number)])) for number in range(3)]
        await asyncio.sleep(0)
        other.close()
        closing = asyncio.ensure_future(asyncio.to_thread(session.close))
        await asyncio.sleep(0.01)
        assert not closing.done()

    await asyncio.gather(begun, *waiting, closing)

    assert stored(path) == [user("a"), user("b"), *map(user, range(3))]


@pytest.mark.parametrize("kind", ["file", "memory"])
async def test_closing_while_others_ask(path: Path, kind: str) -> None:
    added: list[str] = []
    for number in range(20):
        session = SQLiteSession("s", path) if kind == "file" else SQLiteSession("s")
        await session.add_items([user("first")])

        async def ask(name: str) -> None:
            try:
                while True:
                    await session.add_items([user(name)])  # noqa: B023
                    added.append(name)
            except SessionClosedError:
                pass

        tasks = [asyncio.ensure_future(ask(f"{number}/{task}")) for task in range(4)]
        await asyncio.sleep(0.001)
        await asyncio.to_thread(session.close)
        await asyncio.gather(*tasks)

    if kind == "file":
        contents = [item["content"] for item in stored(path) if item["content"] != "first"]
        assert sorted(contents) == sorted(added), "what was acknowledged is there, what was refused is not"


# Fails without: db/jobs.py, `if self._closed and self._withdraw(job):`
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
async def test_connections_that_others_closed_at_this_moment_are_opened_again(
    path: Path, monkeypatch: pytest.MonkeyPatch, operation: Any
) -> None:
    first, second = SQLiteSession("s", path), SQLiteSession("s", path)
    await first.add_items([user("a")])
    closed = database_in(path)
    await first.aclose()
    find = second._handle.backend.database  # type: ignore[attr-defined]
    found = iter([closed])
    monkeypatch.setattr(second._handle.backend, "database", lambda subject: next(found, None) or find(subject))

    assert await operation(second) in (None, user("a"), [user("a")])

    assert database_in(path) is not closed
    second.close()


# Fails without: db/sqlite/backend.py, `self._open_again(database, subject)` (twice)
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
async def test_a_database_in_memory_cannot_be_opened_again(operation: Any) -> None:
    session = SQLiteSession("s")
    await session.add_items([user("a")])
    database = session._handle.backend.database("this test")  # type: ignore[attr-defined]
    database.finish()
    database.join()

    with pytest.raises(SessionClosedError, match="session 's' is closed"):
        await operation(session)
    session.close()


# Fails without: db/sqlite/backend.py, `if self._closed:  # Meanwhile, by another thread.`
def test_nothing_is_opened_again_by_what_was_closed_at_this_moment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = SQLiteSession("s", path)
    asyncio.run(session.add_items([user("a")]))

    def close_first(*arguments: Any) -> Any:
        """Open the file as if another thread had closed the session after it was asked whether it is."""
        monkeypatch.undo()
        session.close()
        return registry.open_file(*arguments)

    monkeypatch.setattr(backend, "open_file", close_first)
    with pytest.raises(SessionClosedError):
        asyncio.run(session.get_items())

    deadline = time.monotonic() + 60
    while [file for file in registry._files if file == str(path)]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_closing_from_a_thread_while_others_begin(path: Path) -> None:
    """Opening and closing the same file at the same moment loses nothing."""
    count = 6

    def work(number: int) -> None:
        for round_ in range(5):
            session = SQLiteSession(str(number), path)
            asyncio.run(session.add_items([user(round_)]))
            session.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(stored(path)) == count * 5
    if sys.platform == "linux":
        asyncio.run(SQLiteSession("s", path).aclose())
        assert open_files(path) == []

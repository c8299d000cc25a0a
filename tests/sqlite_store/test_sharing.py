"""Sessions on one file share its connections, and making one does nothing at all."""

from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from sessions import AsyncSQLiteSession, SQLiteSession, Store, open_store
from sessions.db.sqlite import registry

from .inside import open_files, user

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAKERS: dict[str, Callable[[Path], Any]] = {
    "SQLiteSession": lambda path: SQLiteSession("s", path),
    "SQLiteSession, a string": lambda path: SQLiteSession("s", str(path)),
    "AsyncSQLiteSession": lambda path: AsyncSQLiteSession("s", path),
    "in memory": lambda _: SQLiteSession("s"),
    "store": lambda path: open_store(f"sqlite:///{path}"),
    "session of a store": lambda path: open_store(f"sqlite:///{path}").session("s"),
    "store in memory": lambda _: open_store("sqlite://").session("s"),
}


# Fails without: db/sqlite/backend.py, `os.path.abspath(text)`
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_making_one_does_no_io(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], Any]) -> None:
    def refuse(*_: object, **__: object) -> Any:
        raise AssertionError("this is I/O")

    before = set(threading.enumerate())
    with monkeypatch.context() as patched:
        for name in ("stat", "lstat", "open", "mkdir", "readlink", "listdir", "scandir", "access"):
            patched.setattr(os, name, refuse)
        patched.setattr(sqlite3, "connect", refuse)
        patched.setattr("builtins.open", refuse)
        made = make(tmp_path / "missing folder" / "conversations.db")
        assert repr(made)

    assert list(tmp_path.iterdir()) == []
    assert not set(threading.enumerate()) - before


# Fails without: db/sqlite/registry.py, `database = _files.get(path)` (under the lock)
@pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors in /proc")
async def test_any_number_of_objects_share_one_pair_of_connections(path: Path) -> None:
    before = set(threading.enumerate())
    sessions = [
        SQLiteSession(str(number), spelling)
        for number in range(20)
        for spelling in (path, str(path), os.path.relpath(path), path.parent / "." / path.name)
    ]
    await asyncio.gather(*(session.add_items([user("a")]) for session in sessions))
    await asyncio.gather(*(session.get_items() for session in sessions))

    assert len(set(threading.enumerate()) - before) == 2
    assert open_files(path).count(path.name) == 2

    async with open_store(f"sqlite:///{path}") as store:
        assert len(await store.session("7").get_items()) == 4
        assert len(set(threading.enumerate()) - before) == 2
    assert len(await sessions[0].get_items()) == 4
    for session in sessions:
        await session.aclose()
    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert all(name.startswith("asyncio_") for name in left), "a store is closed by the event loop's pool of threads"


async def test_sessions_in_memory_have_a_database_each() -> None:
    one, other, of_another_kind = SQLiteSession("s"), SQLiteSession("s"), AsyncSQLiteSession("s")
    await one.add_items([user("a")])

    assert await other.get_items() == []
    assert await of_another_kind.get_items() == []
    one.close()
    other.close()
    await of_another_kind.close()


async def test_sessions_of_a_store_in_memory_share_its_database() -> None:
    store = open_store("sqlite://")
    await store.session("s").add_items([user("a")])

    assert await store.session("s").get_items() == [user("a")]
    assert await open_store("sqlite://").session("s").get_items() == []
    await store.close()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "make", [lambda: SQLiteSession("s"), lambda: open_store("sqlite://")], ids=["session", "store"]
)
def test_the_thread_ends_with_the_object(make: Callable[[], Any]) -> None:
    before = set(threading.enumerate())
    made = make()
    session = made.session("s") if isinstance(made, Store) else made
    asyncio.run(session.add_items([user("a")]))
    [thread] = set(threading.enumerate()) - before

    del made, session
    while thread.is_alive():  # It may not have come back from its last call when the object is given up.
        gc.collect()
        thread.join(0.01)


# Fails without: db/sqlite/registry.py, `_close_idle()`
def test_files_of_objects_that_are_gone_are_closed(tmp_path: Path) -> None:
    """A program with a file for each user never closes them, and must not run out of descriptors."""
    files, held = 24, SQLiteSession("s", tmp_path / "held.db")
    asyncio.run(held.add_items([user("a")]))
    before = len(registry._files)
    for number in range(files):
        session = SQLiteSession("s", tmp_path / f"{number}.db")
        asyncio.run(session.add_items([user(number)]))
        del session
        gc.collect()

    assert len(registry._files) - before < files // 2
    assert asyncio.run(held.get_items()) == [user("a")]
    for number in range(files):
        again = SQLiteSession("s", tmp_path / f"{number}.db")
        assert asyncio.run(again.get_items()) == [user(number)]
        again.close()
    held.close()


async def test_a_file_that_was_made_again_is_another_database(path: Path, ours: Any) -> None:
    session, other = ours(), ours()
    await session.add_items([user("old")])
    path.unlink()
    assert await session.get_items() == []
    await other.add_items([user("new")])

    replacement = path.with_name("replacement.db")
    restored = SQLiteSession("s", replacement)
    await restored.add_items([user("restored")])
    restored.close()
    replacement.replace(path)

    assert await session.get_items() == await other.get_items() == [user("restored")]

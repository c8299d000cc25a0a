"""The last one to close a file leaves it open for a moment: what can be done with the file within that time."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import sqlite3
import sys
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from sessions import AsyncSQLiteSession, EncryptedSession, SQLiteSession, generate_key, open_store
from sessions.db.sqlite import registry

from .inside import database_in, locked, open_files, stored, user

if TYPE_CHECKING:
    from pathlib import Path

_HANGS_AFTER = 60
_KEY = generate_key()
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors in /proc")


async def _add_and_close(path: Path, *texts: object, **options: Any) -> None:
    session = SQLiteSession("s", path, **options)
    for text in texts:
        await session.add_items([user(text)])
    session.close()


def _until(condition: Any) -> None:
    deadline = time.monotonic() + _HANGS_AFTER
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _copied(path: Path) -> list[Any]:
    """Return what is in a copy of the file alone."""
    copy = path.with_name("copy.db")
    copy.unlink(missing_ok=True)
    shutil.copy(path, copy)
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
    return stored(copy)


@on_linux
async def test_a_file_is_closed_two_seconds_later_at_most(path: Path) -> None:
    """Fails without: db/sqlite/registry.py, `_closer.start()`."""
    assert registry.LINGER <= 2
    await _add_and_close(path, 1)
    assert open_files(path)
    await asyncio.to_thread(_until, lambda: not open_files(path))
    assert not path.with_name(f"{path.name}-wal").exists()
    assert stored(path) == [user(1)]


async def test_the_next_one_finds_it_open(path: Path) -> None:
    """Fails without: db/sqlite/backend.py, `linger(database)`."""
    await _add_and_close(path, 1)
    database = database_in(path)
    for number in range(2, 20):
        await _add_and_close(path, number)
        assert database_in(path) is database
    assert stored(path) == [user(number) for number in range(1, 20)]
    # And is not closed while it is used, however long ago it was closed before.
    session = SQLiteSession("s", path)
    await session.get_items()
    with registry._lock:
        registry._closing[str(path)] = time.monotonic()
    await asyncio.to_thread(_until, lambda: str(path) not in registry._closing)
    assert database_in(path) is database
    session.close()


@on_linux
@pytest.mark.parametrize("who", ["store", "aclose", "async aclose"])
async def test_closing_at_once(path: Path, who: str) -> None:
    """Also what another one left open for a moment.

    Fails without: db/sqlite/backend.py, `*unused(self._path)`.
    """
    await _add_and_close(path, 1)
    assert open_files(path)
    if who == "store":
        await open_store(f"sqlite:///{path}").close()
    else:
        await (SQLiteSession if who == "aclose" else AsyncSQLiteSession)("s", path).aclose()
    assert open_files(path) == []
    assert not path.with_name(f"{path.name}-wal").exists()
    async with open_store(f"sqlite:///{path}") as store:
        await store.session("s").add_items([user(2)])
        other = SQLiteSession("s", path)
        await other.get_items()
    assert open_files(path), "somebody else uses it"
    await other.aclose()
    assert open_files(path) == []


@pytest.mark.parametrize("kind", ["sync", "async", "normal", "encrypted"])
@pytest.mark.parametrize("commits", [1, 3, 40])
async def test_a_copy_of_the_file_alone_is_whole(path: Path, kind: str, commits: int) -> None:
    """Fails without: db/sqlite/final_checkpoint.py, `_all_but_a_new_end` and `_all` in `complete`."""
    for number in range(12):
        session: Any = (AsyncSQLiteSession if kind == "async" else SQLiteSession)(
            "s", path, durability="normal" if kind == "normal" else "full"
        )
        used = EncryptedSession("s", session, _KEY, ttl=None) if kind == "encrypted" else session
        for commit in range(commits):
            await used.add_items([user(f"{number} {commit} " + "x" * 500 * (commit % 20))])
        closed = session.close()
        if closed is not None:
            await closed
        copied = await asyncio.to_thread(_copied, path) if kind != "encrypted" else []
        assert len(copied) == (0 if kind == "encrypted" else commits * (number + 1))
    if kind == "encrypted":
        shutil.copy(path, path.with_name("copy.db"))
        copy = EncryptedSession("s", SQLiteSession("s", path.with_name("copy.db")), _KEY, ttl=None)
        assert len(await copy.get_items()) == commits * 12


@pytest.mark.parametrize("what", ["writes", "reads", "writes now", "migrates"])
async def test_a_copy_is_whole_beside_others(path: Path, what: str) -> None:
    """Another program has the file open, too: its commits, which may not be synced, are not the end of the log.

    Fails without: db/sqlite/final_checkpoint.py, `seen == self._seen`, `select max(number)`.
    """
    await _add_and_close(path, "first")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("create table others (n integer)")
        for number in range(10):
            session = SQLiteSession("s", path)
            if what == "writes":
                other.execute("insert into others values (1)")
            elif what == "migrates":
                other.execute("update agent_log_schema set applied_at = applied_at + 10")
            await session.add_items([user(number)])
            if what == "reads":
                other.execute("begin")
                other.execute("select * from others").fetchall()
                await session.add_items([user("while it reads")])
            elif what == "writes now":
                other.execute("begin immediate")
            began = time.monotonic()
            session.close()
            assert time.monotonic() - began < 8, "closing waits for others"
            if other.in_transaction:
                other.execute("rollback")
            if what in ("writes", "migrates"):
                assert len(_copied(path)) == number + 2
                look = "select count(*) from others" if what == "writes" else "select applied_at from agent_log_schema"
                with closing(sqlite3.connect(path.with_name("copy.db"))) as copy:
                    ((found,), *_), ((expected,), *_) = (one.execute(look).fetchall() for one in (copy, other))
                # The end of the log is in none of the copies.
                assert abs(found - expected) <= (what == "migrates")
    assert len(stored(path)) == (21 if what == "reads" else 11)


@on_linux
@pytest.mark.parametrize("with_companions", [True, False])
@pytest.mark.parametrize("by", ["us", "another program"])
async def test_the_file_is_deleted_and_made_anew(path: Path, by: str, *, with_companions: bool) -> None:
    for number in range(5):
        await _add_and_close(path, *range(number + 1))
        path.unlink()
        if with_companions:
            for companion in ("-wal", "-shm"):
                path.with_name(path.name + companion).unlink(missing_ok=True)
        if by == "us":
            await _add_and_close(path, "new")
        else:
            with closing(sqlite3.connect(path)) as other:
                other.execute("pragma journal_mode = wal")
                other.execute("create table others (n)")
                other.execute("insert into others values (1)")
                other.commit()
                assert other.execute("select count(*) from others").fetchone() == (1,)
                await _add_and_close(path, "new")
                assert other.execute("select count(*) from others").fetchone() == (1,)
        assert stored(path) == [user("new")]
        assert _copied(path) == [user("new")]
        path.unlink()
    await asyncio.to_thread(_until, lambda: not open_files(path))
    await asyncio.to_thread(_until, lambda: not [*path.parent.glob(f"{path.name}-[ws]*")])


@pytest.mark.parametrize("times", [20])
def test_the_loop_ends(path: Path, times: int) -> None:
    for number in range(times):
        asyncio.run(_add_and_close(path, number))
    assert stored(path) == [user(number) for number in range(times)]


@on_linux
def test_a_fork(path: Path) -> None:
    """Neither has the other's connections, and both go on."""
    for number in range(3):
        asyncio.run(_add_and_close(path, f"parent {number}"))
        pid = os.fork()
        if not pid:
            try:
                asyncio.run(_add_and_close(path, f"child {number}"))
                asyncio.run(_add_and_close(path, f"child too {number}"))
                os._exit(0)
            finally:
                os._exit(1)
        asyncio.run(_add_and_close(path, f"beside {number}"))
        assert os.waitpid(pid, 0)[1] == 0
    assert len(stored(path)) == 12
    _until(lambda: not open_files(path))


async def test_many_files_need_one_thread(tmp_path: Path) -> None:
    """Fails without: db/sqlite/registry.py, `if _closer is None`."""
    gc.collect()
    for number in range(30):
        await _add_and_close(tmp_path / f"{number % 10}.db", number)
        await SQLiteSession("s", tmp_path / f"{number % 10}.db").aclose()
        await _add_and_close(tmp_path / f"{number % 10}.db", number)
        assert [thread.name for thread in threading.enumerate()].count("sessions-closing") <= 1
    await asyncio.to_thread(_until, lambda: registry._closer is None)


async def test_closing_does_not_wait_for_a_lock(path: Path) -> None:
    """Fails without: db/sqlite/final_checkpoint.py, `busy_timeout = 0`."""
    await _add_and_close(path, 1)
    session = SQLiteSession("s", path, busy_timeout=_HANGS_AFTER)
    await session.add_items([user(2)])
    with locked(path):
        began = time.monotonic()
        session.close()
        assert time.monotonic() - began < _HANGS_AFTER / 2
    await _add_and_close(path, 3)
    assert len(stored(path)) == 3


@pytest.mark.parametrize("hasty", [True, False])
async def test_a_file_that_is_overwritten_is_read_as_it_is(path: Path, *, hasty: bool) -> None:
    """A backup is put back in place of what was there.

    Fails without: db/sqlite/registry.py, `database.is_as_it_was`.
    """
    for number in range(5 if hasty else 1):
        await _add_and_close(path, number)
    if hasty:
        await asyncio.to_thread(_until, lambda: not database_in(path).is_hasty)
        assert database_in(path).complete()()
    backup = path.read_bytes()
    await _add_and_close(path, "later", "x" * 100_000)
    if hasty:
        await asyncio.to_thread(_until, lambda: not database_in(path).is_hasty)
    await SQLiteSession("s", path).aclose()
    async with open_store(f"sqlite:///{path}") as store:
        await store.session("s").get_items()
    await _add_and_close(path, "again")
    path.write_bytes(backup)
    session = SQLiteSession("s", path)
    assert len(await session.get_items()) == (5 if hasty else 1)
    await session.add_items([user("new")])
    assert len(_copied(path)) >= 1
    await session.aclose()
    assert [item["content"] for item in stored(path)][-1] == "new"
    assert len(stored(path)) == (6 if hasty else 2)

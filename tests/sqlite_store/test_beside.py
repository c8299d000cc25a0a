"""What a brief read has fetched on the writing connection's thread, the reading one's opens if it has time."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from sessions import EncryptedSession, generate_key
from sessions.db.sqlite.connection_thread import ConnectionThread
from sessions.log import read as brief
from sessions.log.core.reader import Reader
from sessions.log.statements.entries import PAGE

from .inside import database_in, trace, user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sessions import SQLiteSession

    Ours = Callable[..., SQLiteSession]

MANY = [user(number) for number in range(4 * PAGE + 10)]


@pytest.fixture
def thread() -> Iterator[ConnectionThread]:
    """A thread without a connection."""
    thread = ConnectionThread(lambda: pytest.fail("no connection is wanted"))
    yield thread
    thread.finish()
    thread.join(10)


@pytest.fixture
def openers(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """The threads that open pages, one for each page."""
    threads: list[int | None] = []
    open_page = Reader.open_page

    def noting(self: Reader, page: Any) -> list[Any]:
        threads.append(threading.get_ident())
        return open_page(self, page)

    monkeypatch.setattr(Reader, "open_page", noting)
    return threads


def occupied(thread: ConnectionThread) -> threading.Event:
    """Let a thread wait for an event, and return that when it does."""
    begun, over = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        over.wait(60)

    thread.post(wait)
    assert begun.wait(10)
    return over


# --- What is offered to a thread -------------------------------------------------------------------------------------


def test_the_thread_computes_it(thread: ConnectionThread) -> None:
    there = threading.Event()

    def compute() -> int:
        there.set()
        return threading.get_ident()

    result = thread.offer(compute)
    assert there.wait(10)
    assert result() == thread._thread.ident


# Fails without: db/sqlite/connection_thread.py, `if offered.cancel()`
def test_nobody_waits_for_a_thread_that_does_something_else(thread: ConnectionThread) -> None:
    computed: list[int] = []
    over = occupied(thread)
    result = thread.offer(lambda: computed.append(threading.get_ident()))
    result()
    over.set()
    thread.finish()
    thread.join(10)
    assert computed == [threading.get_ident()]


def test_a_thread_that_has_ended_computes_nothing(thread: ConnectionThread) -> None:
    thread.finish()
    thread.join(10)
    assert thread.offer(threading.get_ident)() == threading.get_ident()


# Fails without: db/sqlite/connection_thread.py, `offered.set_exception(error)`
@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_whoever_wants_the_result_gets_the_error(thread: ConnectionThread, error: type[BaseException]) -> None:
    there = threading.Event()

    def fail() -> None:
        there.set()
        raise error

    result = thread.offer(fail)
    assert there.wait(10)
    with pytest.raises(error):
        result()
    assert thread.offer(lambda: 1)() == 1


# --- Reads -----------------------------------------------------------------------------------------------------------


# Fails without: db/sqlite/database.py, `read_group(reading.database(), jobs, note, other)`
async def test_the_other_thread_opens_pages(
    path: Path, ours: Ours, openers: list[int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = ours()
    await session.add_items(MANY)
    writing, reading = (thread._thread.ident for thread in database_in(path)._threads())
    fetch, fetched = Reader.page, list[int | None]()

    def slowly(self: Reader, *arguments: Any) -> Any:
        until = time.monotonic() + 10
        while len(openers) < len(fetched) and time.monotonic() < until:
            time.sleep(0.001)
        fetched.append(threading.get_ident())
        return fetch(self, *arguments)

    monkeypatch.setattr(Reader, "page", slowly)
    assert await session.get_items() == MANY
    assert fetched == [writing] * 5
    # After the last one there is nothing else to do.
    assert openers == [reading] * 4 + [writing]


async def test_the_thread_that_writes_opens_nothing_for_others(
    ours: Ours, openers: list[int | None], monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    monkeypatch.setattr(brief, "BRIEF", 0)
    session = ours()
    await session.add_items(MANY)
    _, reading = database_in(path)._threads()
    assert await session.get_items() == MANY
    assert set(openers) == {reading._thread.ident}


@pytest.mark.parametrize("encrypted", [False, True])
async def test_a_read_does_not_wait_for_the_other_thread(
    path: Path, ours: Ours, openers: list[int | None], *, encrypted: bool
) -> None:
    plain = ours()
    session = EncryptedSession("s", plain, generate_key(), ttl=None) if encrypted else plain
    await session.add_items(MANY)
    writing, reading = database_in(path)._threads()
    over = occupied(reading)
    try:
        assert await session.get_items() == MANY
        assert set(openers) == {writing._thread.ident}
    finally:
        over.set()


async def test_a_short_read_disturbs_nobody(ours: Ours, monkeypatch: pytest.MonkeyPatch) -> None:
    session = ours()
    await session.add_items(MANY)
    monkeypatch.setattr(ConnectionThread, "offer", None)
    assert await session.get_items(PAGE) == MANY[-PAGE:]
    assert await session.get_items(1) == MANY[-1:]


# Fails without: log/context/view.py, `return _one_by_one(tx, reader, page, undecodable)`
async def test_what_cannot_be_decoded_is_told(path: Path, ours: Ours, caplog: pytest.LogCaptureFixture) -> None:
    session = ours()
    await session.add_items(MANY)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("update agent_log_entries set payload = x'7b' where id & 255 = 7")

    assert await session.get_items() == [item for number, item in enumerate(MANY, 1) if number & 255 != 7]
    [record] = caplog.records
    assert "at positions 7, 263, 519, 775, 1031 " in record.getMessage()


# Fails without: log/core/heads.py, `left = left - page.length or count`
async def test_no_more_is_fetched_than_is_wanted(ours: Ours) -> None:
    session = ours()
    await session.add_items(MANY)
    statements = await trace(session)
    assert await session.get_items(PAGE + 3) == MANY[-PAGE - 3 :]
    counts = [text.partition("limit min(")[2].partition(",")[0] for text in statements if "payload" in text]
    assert counts == [str(PAGE + 3), "3"]

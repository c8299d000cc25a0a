"""Calls on a thread with a running event loop, as in a notebook, and with engines of one's own."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

import sessions
from sessions import blocking
from sessions.blocking import SyncCallInLoopError, open_store
from sessions.db.sqlalchemy import shared_engine
from sessions.waits.portal import wait_for

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine


def _user(text: object) -> dict[str, Any]:
    return {"role": "user", "content": str(text)}


async def test_in_a_notebook(anywhere: str) -> None:
    """Its cells run on the thread of an event loop. By URL, that loop is not needed."""
    with open_store(anywhere, create_tables=True, title=lambda message: message["content"]) as store:
        session = store.session("s")
        session.add_items([_user("1")])
        with session.lease() as leased, leased.attempt() as tried:
            tried.add_items([_user("2")])
        with session.watch(after=0) as changes:
            assert next(changes).items == [_user("1")]
        assert session.compact(lambda items: f"{len(items)} items") is not None
        assert session.info().title == "1"
    # Tasks of the cell's own wait in its loop as ever.
    asynchronous = sessions.open_store(anywhere)
    assert await asynchronous.session("s").get_items() == [_user("1 items"), _user("2")]
    await asynchronous.close()


async def test_on_sqlite_both_kinds_work_on_one_thread(tmp_path: Any) -> None:
    session = sessions.SQLiteSession("s", tmp_path / "a.db")
    door = blocking.LogSession(session)
    adding = [asyncio.create_task(session.add_items([_user(number)])) for number in range(8)]
    await asyncio.sleep(0)
    for number in range(8, 12):
        door.add_items([_user(number)])
    await asyncio.gather(*adding)
    assert sorted(int(item["content"]) for item in door.get_items()) == list(range(12))
    await session.aclose()


async def test_by_url_on_a_thread_whose_loop_uses_the_database_it_is_refused(url: str) -> None:
    """Fails without: db/engines/elsewhere.py, `source.is_used_in`."""
    asynchronous = sessions.open_store(url, create_tables=True)
    await asynchronous.session("s").add_items([_user("1")])
    door = open_store(url).session("s")
    with pytest.raises(SyncCallInLoopError, match=r"session 's': this thread's event loop uses .*to_thread"):
        door.get_items()
    assert await asyncio.to_thread(door.get_items) == [_user("1")]
    await asynchronous.close()
    await asyncio.to_thread(door.aclose)


@pytest.fixture
def engine(url: str) -> AsyncEngine:
    return create_async_engine(url)


async def test_an_engine_of_ones_own_is_refused_on_its_loops_thread(engine: AsyncEngine) -> None:
    """Fails without: db/engines/elsewhere.py, `raise _in_use(subject)` for engines (waits for itself for ever)."""
    asynchronous = sessions.open_store(engine, create_tables=True)
    await asynchronous.session("s").add_items([_user("1")])
    store = open_store(engine)
    session = store.session("s")
    calls: list[Any] = [
        session.get_items, lambda: session.add_items([_user("2")]), lambda: next(session.watch()),
        session.lease().__enter__, session.attempt().__enter__, store.session("x").branches.list,
        store.sessions, store.scrub,
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(SyncCallInLoopError, match=r"Nothing was changed\. Await the operation"):
            call()
    assert await asynchronous.session("s").get_items() == [_user("1")]
    await engine.dispose()


async def test_an_engine_of_ones_own_is_used_in_its_loop_from_other_threads(engine: AsyncEngine) -> None:
    """Fails without: db/engines/elsewhere.py, `return loop`."""
    asynchronous = sessions.open_store(engine, create_tables=True)
    await asynchronous.session("s").add_items([_user("1")])

    def work() -> list[Any]:
        session = open_store(engine).session("s")
        session.add_items([_user("2")])
        with session.lease(ttl=1) as leased:
            leased.add_items([_user("3")])
        with session.watch(after=0) as changes:
            assert next(changes).items == [_user("1")]
        return session.get_items()

    assert await asyncio.to_thread(work) == [_user("1"), _user("2"), _user("3")]
    assert await asynchronous.session("s").get_items() == [_user("1"), _user("2"), _user("3")]
    await engine.dispose()


async def test_an_unused_engine_is_refused_on_the_thread_of_a_loop(engine: AsyncEngine) -> None:
    """It would belong to another loop from then on, and the application's own operations would fail.

    Fails without: db/engines/elsewhere.py, `if standing`.
    """
    with pytest.raises(SyncCallInLoopError, match="of this thread, which this call would block"):
        open_store(engine, create_tables=True).session("s").get_items()
    asynchronous = sessions.open_store(engine, create_tables=True)
    await asynchronous.session("s").add_items([_user("1")])
    await engine.dispose()


def test_an_unused_engine_belongs_to_the_process_s_own_loop(engine: AsyncEngine) -> None:
    store = open_store(engine, create_tables=True)
    store.session("s").add_items([_user("1")])
    assert store.session("s").get_items() == [_user("1")]

    async def misuse() -> None:
        await sessions.open_store(engine).session("s").get_items()

    if engine.dialect.name != "sqlite" or not isinstance(engine.pool, NullPool):
        with pytest.raises(RuntimeError, match="belong to another event loop"):
            asyncio.run(misuse())
    store.close()
    _dispose(engine)


async def test_an_engine_that_the_application_uses_by_itself_is_refused(postgres: Any, lend: Any) -> None:
    """Its connections belong to a loop that is not known here.

    Fails without: db/engines/elsewhere.py, `has_connections`.
    """
    engine = create_async_engine(lend(postgres))
    async with engine.connect():
        pass
    session = open_store(engine).session("s")
    with pytest.raises(SyncCallInLoopError, match="as it has open connections"):
        await asyncio.to_thread(session.get_items)
    # The cure that the message names.
    asynchronous = sessions.open_store(engine).session("s")
    assert await asynchronous.get_items() == []
    assert await asyncio.to_thread(session.get_items) == []
    await engine.dispose()


async def test_an_engine_whose_loop_stands_is_refused(url: str) -> None:
    """Nothing would be awaited there."""
    engine = create_async_engine(url)
    session = open_store(engine, create_tables=True).session("s")

    def other_thread() -> None:
        with asyncio.Runner() as runner:
            runner.run(sessions.open_store(engine, create_tables=True).session("s").add_items([_user("1")]))
            with pytest.raises(SyncCallInLoopError, match="an event loop that is not running"):
                session.get_items()
            runner.run(engine.dispose())

    await asyncio.to_thread(other_thread)


def test_a_loop_that_ends_in_the_middle(engine: AsyncEngine) -> None:
    """Fails without: waits/portal.py, `raise _ended(subject)`."""
    begun, found = threading.Event(), []

    def wait_for_lease() -> None:
        begun.wait()
        try:
            with open_store(engine).session("s").watch() as changes:
                next(changes)
        except blocking.OutcomeUnknownError as error:
            found.append(str(error))
        except blocking.SessionsError as error:
            found.append(repr(error))

    async def main() -> None:
        await sessions.open_store(engine, create_tables=True).session("s").add_items([_user("1")])
        begun.set()
        await asyncio.sleep(0.5)
        await engine.dispose()

    waiting = threading.Thread(target=wait_for_lease)
    waiting.start()
    asyncio.run(main())
    waiting.join(30)
    assert not waiting.is_alive()
    assert len(found) == 1
    assert "the event loop of the database's engine ended" in found[0]


def test_no_engine_is_made_for_a_call(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    make_engine = shared_engine.make_engine

    def note(*given: Any) -> AsyncEngine:
        made.append(given)
        return make_engine(*given)

    monkeypatch.setattr(shared_engine, "make_engine", note)
    store = open_store(url, create_tables=True)
    for number in range(20):
        store.session(f"s{number % 3}").add_items([_user(number)])
        blocking.SQLAlchemySession.from_url("other", url=url).get_items()
    store.close()
    # None, if the last test on this database made it.
    assert len(made) <= 1
    portals = [thread for thread in threading.enumerate() if thread.name == "sessions-portal"]
    assert len(portals) == 1


def _dispose(engine: AsyncEngine) -> None:
    wait_for(engine.dispose, "a test")

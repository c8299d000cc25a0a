"""Many threads use one session, and wait for each other's leases and changes."""

from __future__ import annotations

import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from sessions.blocking import SessionBusyError, SessionClosedError, Store, open_store
from sessions.blocking.driving import run
from sessions.db.background import BlockingWaker
from sessions.db.transaction import Statement

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def store(anywhere: str) -> Iterator[Store]:
    with open_store(anywhere, create_tables=True) as opened:
        yield opened


def _user(text: object) -> dict[str, Any]:
    return {"role": "user", "content": str(text)}


def _texts(session: Any) -> list[str]:
    return [item["content"] for item in session.get_items()]


def test_64_threads_append_to_one_session(store: Store) -> None:
    session = store.session("many")
    begin = threading.Barrier(64)

    def append(number: int) -> None:
        begin.wait()
        for part in range(3):
            session.add_items([_user(f"{number} {part}"), {"role": "assistant", "content": f"{number} {part}"}])

    with ThreadPoolExecutor(64) as threads:
        list(threads.map(append, range(64)))
    found = _texts(session)
    assert found[::2] == found[1::2]
    for number in range(64):
        assert [text for text in found[::2] if text.startswith(f"{number} ")] == [
            f"{number} {part}" for part in range(3)
        ]


def test_threads_take_turns_by_a_lease(store: Store) -> None:
    """Each reads, and adds one more than it read."""

    def count(_: int) -> None:
        with store.session("counter").lease(ttl=30) as leased:
            leased.add_items([_user(len(leased.get_items()))])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(count, range(16)))
    assert _texts(store.session("counter")) == [str(number) for number in range(16)]


def test_a_lease_is_renewed_while_its_block_goes_on(store: Store) -> None:
    """Fails without: session/leases.py, `begin` in `keep`."""
    with store.session("s").lease(ttl=0.6) as leased:
        time.sleep(1.5)
        with pytest.raises(SessionBusyError), store.session("s").lease(on_busy="reject"):
            pass
        leased.add_items([_user("still mine")])
    with store.session("s").lease(on_busy="reject") as next_one:
        assert next_one.held is not None


def test_a_watcher_gets_the_changes_of_other_threads(store: Store) -> None:
    session = store.session("watched")
    seen: list[Any] = []
    started = threading.Event()

    def watch() -> None:
        started.set()
        with session.watch(after=0) as changes:
            for change in changes:
                seen.extend(change.items)
                if len(seen) == 6:
                    return

    watcher = threading.Thread(target=watch)
    watcher.start()
    started.wait()
    for number in range(3):
        store.session("watched").add_items([_user(number), _user(number)])
        time.sleep(0.05)
    watcher.join(30)
    assert seen == [_user(number) for number in (0, 0, 1, 1, 2, 2)]


def test_closing_the_store_ends_a_watcher(store: Store) -> None:
    session = store.session("watched")
    errors: list[BaseException] = []

    def watch() -> None:
        try:
            next(session.watch())
        except SessionClosedError as error:
            errors.append(error)

    watcher = threading.Thread(target=watch)
    watcher.start()
    time.sleep(0.3)
    store.close()
    watcher.join(30)
    assert len(errors) == 1


def test_a_watcher_that_is_garbage_is_released(store: Store) -> None:
    """Fails without: blocking/driving.py, `__del__`."""
    session = store.session("watched")
    session.add_items([_user(1)])
    changes = session.watch(after=0)
    assert next(changes).items == [_user(1)]
    assert [one for one in gc.get_objects() if type(one) is BlockingWaker]
    del changes
    gc.collect()
    deadline = time.monotonic() + 10
    while [one for one in gc.get_objects() if type(one) is BlockingWaker]:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_lease_whose_block_is_garbage_is_released(store: Store) -> None:
    """Fails without: blocking/driving.py, `__del__` of `Block`."""
    block = store.session("held").lease(ttl=600)
    block.__enter__()
    with pytest.raises(SessionBusyError), store.session("held").lease(on_busy="reject"):
        pass
    del block
    gc.collect()
    with store.session("held").lease(timeout=60) as leased:
        assert leased.held is not None


def test_an_iterator_that_was_closed_has_ended(store: Store) -> None:
    changes = store.session("watched").watch(after=0)
    store.session("watched").add_items([_user(1)])
    assert next(changes).kind == "appended"
    changes.close()
    changes.close()
    assert list(changes) == []


def test_an_attempt_that_fails_leaves_the_branch(store: Store) -> None:
    session = store.session("tried")
    session.add_items([_user("1"), {"role": "assistant", "content": "old"}])

    def fail() -> None:
        with session.attempt(turn=1) as tried:
            tried.add_items([_user("2")])
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert _texts(session) == ["1", "old"]
    with session.attempt(turn=1) as tried:
        tried.add_items([_user("3")])
    assert _texts(session) == ["3"]
    assert len(session.siblings(1)) == 3


def test_a_sweeper_purges_in_the_background(anywhere: str) -> None:
    with open_store(anywhere, create_tables=True, ttl=0.2, sweep_every=0.05) as store:
        session = store.session("s")
        session.add_items([_user("1")])
        deadline = time.monotonic() + 30
        while _stored(store):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    with pytest.raises(SessionClosedError):
        store.count()


_ENTRIES = Statement("All entries, expired or not.", "select count(*) from {entries}")


def _stored(store: Store) -> int:
    (count,) = run(store._async._backend.read(lambda tx: tx.one(_ENTRIES), "a test")) or (0,)
    return int(count)

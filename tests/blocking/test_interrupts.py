"""Ctrl-C in the middle of a call: it is done wholly or not at all, and nothing is left behind."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from sessions.blocking import LogSession, Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


@pytest.fixture
def store(anywhere: str) -> Iterator[Store]:
    with open_store(anywhere, create_tables=True) as opened:
        yield opened


def _user(text: object) -> dict[str, Any]:
    return {"role": "user", "content": str(text)}


def _texts(session: LogSession) -> list[str]:
    return [item["content"] for item in session.get_items()]


class _Keyboard:
    """Presses Ctrl-C some seconds after `begin`, so many times; not once its block has ended."""

    def __init__(self, after: float, times: int = 1, *, at_once: bool = True) -> None:
        self._after, self._times = after, times
        self._begun = threading.Event()
        if at_once:
            self.begin()
        self._thread = threading.Thread(target=self._press)
        self._over = threading.Event()

    def __enter__(self) -> None:
        signal.signal(signal.SIGINT, self._interrupt)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def begin(self) -> None:
        self._begun.set()

    def _press(self) -> None:
        self._begun.wait(60)
        pressed = self._over.wait(self._after)
        for _ in range(self._times):
            if not pressed:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            pressed = self._over.wait(0.001)

    def _interrupt(self, _: int, frame: FrameType | None) -> None:
        while frame is not None:
            if frame.f_code in (_Keyboard.__enter__.__code__, _Keyboard.__exit__.__code__):
                return
            frame = frame.f_back
        raise KeyboardInterrupt


@pytest.mark.parametrize("times", [1, 3])
def test_an_append_is_whole_or_was_not_done(store: Store, times: int) -> None:
    for number in range(20):
        session = store.session(f"s{number}")
        with suppress(KeyboardInterrupt), _Keyboard(0.001 + number * 0.0005, times):
            for turn in range(500):
                session.add_items([_user(turn), {"role": "assistant", "content": f"{turn}"}])
        found = _texts(session)
        assert found[::2] == found[1::2] == [str(turn) for turn in range(len(found) // 2)]
        # It is settled by now: nothing comes later, and the session goes on.
        assert _texts(session) == found
        session.add_items([_user("next")])
        assert _texts(session) == [*found, "next"]


def test_waiting_for_a_lease_ends_and_leaves_no_ticket(store: Store) -> None:
    """Fails without: session/leases.py, `settle(_give_up(...))`."""
    with store.session("s").lease(ttl=30):
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt), _Keyboard(0.3, times=3), store.session("s").lease(timeout=60):
            pass
        assert time.monotonic() - began < 30
    with store.session("s").lease(on_busy="reject") as leased:
        assert leased.held is not None


def test_a_block_that_is_interrupted_gives_its_lease_back(store: Store) -> None:
    keyboard = _Keyboard(0.05, times=3, at_once=False)

    def hold() -> None:
        with store.session("s").lease(ttl=600) as leased:
            leased.add_items([_user("1")])
            keyboard.begin()
            time.sleep(60)

    with pytest.raises(KeyboardInterrupt), keyboard:
        hold()
    with store.session("s").lease(on_busy="reject") as next_one:
        assert _texts(next_one) == ["1"]


def test_an_attempt_that_is_interrupted_leaves_the_branch(store: Store) -> None:
    session = store.session("s")
    session.add_items([_user("old")])

    keyboard = _Keyboard(0.05, times=3, at_once=False)

    def attempt() -> None:
        with session.attempt(turn=1, on_failure="drop") as tried:
            tried.add_items([_user("new")])
            keyboard.begin()
            time.sleep(60)

    with pytest.raises(KeyboardInterrupt), keyboard:
        attempt()
    assert _texts(session) == ["old"]
    assert len(session.siblings(1)) == 1


def test_a_watcher_ends(store: Store) -> None:
    session = store.session("s")
    changes = session.watch()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), _Keyboard(0.3):
        next(changes)
    assert time.monotonic() - began < 30
    changes.close()
    session.add_items([_user("1")])
    assert _texts(session) == ["1"]


def test_a_summariser_is_interrupted_where_it_is(store: Store) -> None:
    session = store.session("s")
    for number in range(3):
        session.add_items([_user(number)])

    def summarise(_: list[Any]) -> str:
        keyboard.begin()
        time.sleep(60)
        return "late"

    keyboard = _Keyboard(0.05, at_once=False)
    with pytest.raises(KeyboardInterrupt), keyboard:
        session.compact(summarise)
    assert session.summaries() == []


def test_closing_is_finished_first(store: Store) -> None:
    """Fails without: waits/blocking.py, `to_the_end`."""
    session = store.session("s")
    session.add_items([_user("1")])
    with suppress(KeyboardInterrupt), _Keyboard(0.0, times=5):
        store.close()
    with pytest.raises(RuntimeError, match="closed"):
        session.get_items()
    assert not [thread for thread in threading.enumerate() if thread.name == "sessions-settling"]

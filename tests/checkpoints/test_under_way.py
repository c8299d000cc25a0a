"""Writes that wait for puts under way: nothing waits for ever, whatever the put itself waits for."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from sessions.checkpoints import under_way
from sessions.checkpoints.remembered import Remembered
from sessions.checkpoints.runs import Run
from sessions.checkpoints.under_way import PutsUnderWay
from sessions.checkpoints.values import Place
from sessions.waits.blocking import without_loop

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.checkpoints.remembered import State

_PLACE = Place("t")


@pytest.fixture
def puts() -> PutsUnderWay:
    """Puts of a holder that remembers nothing."""
    return PutsUnderWay(Remembered())


def _state(puts: PutsUnderWay, run: Run | None = None) -> State | None:
    return without_loop(puts.state(_PLACE, "1", run))


def _took(call: Callable[[], object]) -> float:
    began = monotonic()
    assert call() is None
    return monotonic() - began


def test_a_put_that_needs_the_waiting_thread_is_not_waited_for_long(
    puts: PutsUnderWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a pool of threads whose only one waits, while the put needs a thread of the pool.

    Fails without: checkpoints/under_way.py, `over.wait(WAIT_AT_MOST)`, without its argument.
    """
    monkeypatch.setattr(under_way, "WAIT_AT_MOST", 0.05)
    with ThreadPoolExecutor(1) as pool, puts.begin(_PLACE, "1", None):
        waiting = pool.submit(_state, puts)
        pool.submit(int).result(60)
        assert waiting.result(0) is None


async def test_a_task_does_not_wait_for_long_either(puts: PutsUnderWay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails without: checkpoints/under_way.py, `asyncio.timeout(WAIT_AT_MOST)`."""
    monkeypatch.setattr(under_way, "WAIT_AT_MOST", 0.05)
    with puts.begin(_PLACE, "1", None):
        assert await asyncio.wait_for(puts.state(_PLACE, "1", None), 60) is None


async def test_a_call_that_blocks_the_loop_of_the_put_does_not_wait(puts: PutsUnderWay) -> None:
    """Fails without: checkpoints/under_way.py, `stands_still`."""
    run = Run()
    with puts.begin(_PLACE, "1", run):
        assert _took(partial(_state, puts)) < under_way.WAIT_AT_MOST / 2
    with puts.begin(_PLACE, "0", run):
        assert _took(partial(_state, puts, run)) < under_way.WAIT_AT_MOST / 2


def test_a_forked_child_does_not_wait_for_a_put_of_its_parent(
    puts: PutsUnderWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails without: checkpoints/under_way.py, `put.process != os.getpid()`."""
    run = Run()
    with puts.begin(_PLACE, "1", None), puts.begin(_PLACE, "0", run):
        monkeypatch.setattr(os, "getpid", lambda: -1)
        assert _took(partial(_state, puts, run)) < under_way.WAIT_AT_MOST / 2


def test_a_put_on_another_event_loop_wakes_those_who_wait(puts: PutsUnderWay) -> None:
    """Both a task of another loop and a thread without one; one whose loop has ended is passed over."""
    put = puts.begin(_PLACE, "1", None)
    loop = asyncio.new_event_loop()
    left = loop.create_task(puts.state(_PLACE, "1", None))
    loop.run_until_complete(asyncio.sleep(0))
    left.cancel()
    loop.run_until_complete(asyncio.wait([left]))
    loop.close()
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(_state, puts), pool.submit(lambda: asyncio.run(puts.state(_PLACE, "1", None)))]
        while len(put._wakes) < 3:
            threading.Event().wait(0.001)

        async def end() -> None:
            put.__exit__()

        began = monotonic()
        asyncio.run(end())
        assert [one.result(60) for one in waiting] == [None, None]
        assert monotonic() - began < under_way.WAIT_AT_MOST / 2


def test_a_put_that_began_again_is_not_forgotten_with_the_first(puts: PutsUnderWay) -> None:
    """The same checkpoint is put twice at once; each ends for those who waited for it."""
    run = Run()
    first, second = puts.begin(_PLACE, "1", run), puts.begin(_PLACE, "1", run)
    first.__exit__()
    assert run.putting(_PLACE) is second
    assert puts._of(_PLACE, "1", None) is second
    second.__exit__()
    second.__exit__()
    assert run.putting(_PLACE) is None
    assert puts._puts == {}

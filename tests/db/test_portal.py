"""Behind SQLAlchemy, operations without an event loop share one loop of the process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import TYPE_CHECKING

import pytest

from sessions.db.engines.backend import SQLAlchemyBackend
from sessions.db.engines.of_loop import EngineOfLoop
from sessions.waits.portal import Call, wait_for

from .key_values import KEY_VALUES, Get, Put
from .without_loop import SUBJECT, check_no_loop_is_needed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessions.db.transaction import Transaction

    from .conftest import Place

_tenant: ContextVar[str] = ContextVar("tenant")


def test_no_function_of_asyncio_is_called_on_the_callers_thread() -> None:
    """Python ignores errors in such functions, and so a Ctrl-C that comes within one would be lost.

    Fails without: waits/portal.py, `self._task = None` in `_settle`.
    """
    freed: list[str] = []
    watched: list[weakref.ref[object]] = []

    async def work() -> None:
        task = asyncio.current_task()
        watched.append(weakref.ref(task, lambda _: freed.append(threading.current_thread().name)))

    for _ in range(200):
        wait_for(work, "this test")
    wait_for(lambda: asyncio.sleep(0), "this test")
    assert len(freed) >= 199
    assert set(freed) == {"sessions-portal"}


@pytest.fixture
def backend(place: Place) -> Iterator[SQLAlchemyBackend]:
    made = _behind_sqlalchemy(place.url)
    made.write_sync(Put("before", b"0"), SUBJECT)
    yield made
    made.close()


def _behind_sqlalchemy(url: str) -> SQLAlchemyBackend:
    return SQLAlchemyBackend(EngineOfLoop(url), create_tables=True, components=[KEY_VALUES])


def _portals() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "sessions-portal"]


def test_no_loop_is_needed(backend: SQLAlchemyBackend) -> None:
    check_no_loop_is_needed(backend)


def test_threads_share_one_loop(backend: SQLAlchemyBackend) -> None:
    """Fails without: waits/portal.py, `if _portal is None`."""
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: backend.write_sync(Put(f"{number}", b"x"), SUBJECT), range(32)))
    assert [backend.read_sync(Get(f"{number}"), SUBJECT) for number in range(32)] == [b"x"] * 32
    assert len(_portals()) == 1


def test_the_work_is_done_in_the_callers_context(backend: SQLAlchemyBackend) -> None:
    """Fails without: waits/portal.py, `context=copy_context()`."""
    token = _tenant.set("ann")
    assert backend.read_sync(lambda _: _tenant.get(), SUBJECT) == "ann"
    _tenant.reset(token)


async def test_on_the_thread_of_a_loop_that_uses_the_database_it_is_refused(backend: SQLAlchemyBackend) -> None:
    """Fails without: db/engines/elsewhere.py, `_in_use`."""
    assert backend.read_sync(Get("before"), SUBJECT) == b"0"  # This loop does not use it yet.
    await backend.write(Put("a", b"1"), SUBJECT)
    with pytest.raises(RuntimeError, match="a value: this thread's event loop uses the database"):
        backend.write_sync(Put("a", b"2"), SUBJECT)
    with pytest.raises(RuntimeError, match="this thread's event loop uses the database"):
        backend.read_sync(Get("a"), SUBJECT)
    assert await backend.read(Get("a"), SUBJECT) == b"1"
    await backend.aclose()


def test_from_within_an_operation_it_is_refused(backend: SQLAlchemyBackend) -> None:
    """Fails without: waits/portal.py, `if portal.is_here`."""
    with pytest.raises(RuntimeError, match=r"a value: (it was called inside|this thread's event loop)"):
        backend.read_sync(lambda _: backend.read_sync(Get("before"), SUBJECT), SUBJECT)


def test_who_is_interrupted_is_told_when_the_outcome_is_settled(backend: SQLAlchemyBackend) -> None:
    """Fails without: waits/portal.py, `except BaseException` around the wait."""
    begun = threading.Event()

    def interrupt() -> None:
        begun.wait()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    helper = threading.Thread(target=interrupt)
    helper.start()
    done: list[str] = []

    def slow(tx: Transaction) -> None:
        Put("a", b"1")(tx)
        begun.set()
        helper.join()
        time.sleep(0.2)
        done.append("done")

    with pytest.raises(KeyboardInterrupt):
        backend.write_sync(slow, SUBJECT)
    assert done  # All of it, or none; and nothing happens later.
    first = backend.read_sync(Get("a"), SUBJECT)
    assert first in (None, b"1")
    assert backend.read_sync(Get("a"), SUBJECT) == first


async def test_a_call_that_is_interrupted_before_it_begins_is_settled() -> None:
    """Fails without: waits/portal.py, `add_done_callback`."""
    begun: list[str] = []

    async def operation() -> None:
        begun.append("begun")

    call = Call(operation)
    call.begin()
    call.cancel()
    while not call.settled.is_set():
        await asyncio.sleep(0)
    assert not begun


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_has_a_loop_of_its_own(backend: SQLAlchemyBackend) -> None:
    """Fails without: waits/portal.py, `_forget`."""
    child = os.fork()
    if not child:
        try:
            backend.write_sync(Put("child", b"1"), SUBJECT)
            assert backend.read_sync(Get("before"), SUBJECT) == b"0"
        except BaseException:  # noqa: BLE001 - pytest must not go on in the child
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    backend.write_sync(Put("parent", b"1"), SUBJECT)
    assert os.waitpid(child, 0)[1] == 0
    assert [backend.read_sync(Get(name), SUBJECT) for name in ("before", "child", "parent")] == [b"0", b"1", b"1"]


_PROGRAM = """
import logging, sys
from sessions.db.engines.backend import SQLAlchemyBackend
from sessions.db.engines.of_loop import EngineOfLoop
from tests.db.key_values import KEY_VALUES, Get, Put

logging.getLogger("asyncio").setLevel(logging.ERROR)  # In development mode it warns of what took long.
backend = SQLAlchemyBackend(EngineOfLoop(sys.argv[1]), create_tables=True, components=[KEY_VALUES])
backend.write_sync(Put("a", b"1"), "a value")
print(backend.read_sync(Get("a"), "a value"))
"""


def test_a_program_that_closes_nothing_ends_without_a_word(place: Place) -> None:
    """Fails without: db/engines/of_loop.py, `_dispose_all`."""
    command = [sys.executable, "-X", "dev", "-c", _PROGRAM, place.url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "b'1'\n", "")

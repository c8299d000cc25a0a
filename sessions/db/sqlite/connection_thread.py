"""An aiosqlite connection that takes work from any thread and event loop.

aiosqlite gives a connection its thread and queue, and its coroutines tie each call to one event loop. Databases are
used from many loops, and many writers share one wake-up; so work is put into the queue directly, and each caller
handles its own results. SQLAlchemy's aiosqlite dialect relies on the same attributes of aiosqlite.
"""

from __future__ import annotations

import threading
import time
import weakref
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

import aiosqlite

from sessions.waits.ending import ending

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

T = TypeVar("T")

_LOOK_AGAIN = 0.01
"""Seconds between two looks at whether a thread that was told to stop has ended instead."""


_threads: Final = weakref.WeakSet[threading.Thread]()


def is_connection_thread() -> bool:
    """Tell whether this is called on a connection's thread, which nothing may block."""
    return threading.current_thread() in _threads


class ConnectionThread(aiosqlite.Connection):
    """A SQLite connection on a thread of its own.

    The thread is a daemon: a program that closes nothing still exits. Acknowledged changes are on disk.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """Start the thread; the connection is opened by the first call of `database`.

        Raises:
            StoreError: The program is ending and starts no threads any more.
        """
        super().__init__(connect, iter_chunk_size=64)
        self._second: sqlite3.Connection | None = None
        self._thread.daemon = True
        _threads.add(self._thread)
        try:
            self._thread.start()
        except RuntimeError as error:
            raise ending() from error

    def post(self, call: Callable[[], object]) -> None:
        """Run `call`, which must not raise, on the thread, after everything posted earlier."""
        # In a list that is emptied: while it waits for the next call, aiosqlite's thread holds on to the last one.
        self._tx.put_nowait((None, partial(_call_once, [call])))

    def offer(self, compute: Callable[[], T]) -> Callable[[], T]:
        """Offer the thread something to compute. If it has not begun when the result is wanted, the caller computes it.

        So no caller waits for the thread's other work, or for a thread that has ended. The computation must not wait
        for another thread.

        Returns:
            A function that returns the result, or raises its error. To be called once.
        """
        offered: Future[T] = Future()

        def take() -> None:
            if not offered.set_running_or_notify_cancel():
                return
            try:
                offered.set_result(compute())
            except BaseException as error:  # noqa: BLE001 - it belongs to the caller that wants the result
                offered.set_exception(error)

        self.post(take)
        return lambda: compute() if offered.cancel() else offered.result()

    def database(self) -> sqlite3.Connection:
        """Return the connection, opened if it is not. Only for calls on the thread."""
        if self._connection is None:
            self._connection = self._connector()
        return self._connection

    def open_database(self) -> sqlite3.Connection | None:
        """Return the connection if it is open. Only for calls on the thread."""
        return self._connection

    def second_database(self, connect: Callable[[], sqlite3.Connection]) -> sqlite3.Connection:
        """Return a second connection, opened by `connect` at the first call. Only for calls on the thread."""
        if self._second is None:
            self._second = connect()
        return self._second

    def ask(self, question: Callable[[], bool]) -> Callable[[], bool]:
        """Run `question`, which must not raise, on the thread, after everything posted earlier.

        Returns:
            A function that waits for the answer, and returns False if the thread ended before.
        """
        answers: list[bool] = []
        answered = threading.Event()

        def answer() -> None:
            try:
                answers.append(question())
            finally:
                answered.set()

        def wait() -> bool:
            while not answered.wait(_LOOK_AGAIN):
                if not self._thread.is_alive():
                    break
            return answers == [True]

        self.post(answer)
        return wait

    def finish(self) -> None:
        """Close the connections and end the thread after everything posted earlier; do not wait for it."""
        self.post(self._close_second)
        # stop() is called on the thread itself: on one with an event loop it would make a future for that loop.
        self.post(self.stop)

    def join(self, timeout: float | None = None) -> None:
        """Wait for the thread to end."""
        self._thread.join(timeout)

    def park(self, until: threading.Event, *, close: bool) -> Callable[[float], bool]:
        """Have the thread wait until an event, with its connection closed if `close`.

        The connection is opened again by the next call of `database`.

        Returns:
            A function of a deadline (`time.monotonic`) that waits for the thread to have stopped or ended, and tells
            whether that was so.
        """
        parked = threading.Event()

        def wait() -> None:
            try:
                if close and self._connection is not None:
                    self._connection.close()
                    self._connection = None
                    self._close_second()
            finally:
                parked.set()
                until.wait()

        def stopped(deadline: float) -> bool:
            # A thread that was told to finish before does not come to waiting.
            while not parked.wait(_LOOK_AGAIN):
                if not self._thread.is_alive():
                    return True
                if time.monotonic() > deadline:
                    return False
            return True

        self.post(wait)
        return stopped

    def abandon(self, *, close: bool) -> None:
        """Forget the connections: their thread does not exist in this process. To files they are kept open, unused."""
        for connection in (self._connection, self._second):
            if connection is None:
                continue
            if close:
                connection.close()
            else:
                # The parent was late in closing it. To close it here would be to use it, so it gets one reference that
                # is never released, not even at the end of the interpreter.
                import ctypes  # noqa: PLC0415 - needed in such a child only

                ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
        self._connection = self._second = None

    def _close_second(self) -> None:
        if self._second is not None:
            self._second.close()
            self._second = None


def _call_once(calls: list[Callable[[], object]]) -> None:
    calls.pop()()

"""Taking turns at writing, across processes.

SQLite lets waiting writers try again at random; with several busy processes some wait for seconds. An advisory lock
on a file beside the database (``flock``, which the kernel hands on in order of arrival) gives equal shares. It is a
courtesy among our processes: what keeps the database whole is SQLite's own lock. The lock is never on the database
file itself, because closing any descriptor of that file would drop SQLite's locks.
"""

from __future__ import annotations

import os
import threading

try:
    import fcntl
except ImportError:  # Windows has no flock: writers there share as SQLite lets them.
    fcntl = None  # type: ignore[assignment]


class WriteTurn:
    """The lock file of one database, in one process. Used by one thread at a time."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._unavailable = fcntl is None

    def take(self, timeout: float) -> bool:
        """Wait for the turn; tell whether it came within `timeout` seconds."""
        descriptor = self._open()
        if descriptor is None:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return self._wait(descriptor, timeout)
        except OSError:
            self._unavailable = True
        return True

    def give_back(self) -> None:
        """Let the next process write."""
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the lock file. Does not release a lock that a parent process shares."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int | None:
        if self._descriptor is None and not self._unavailable:
            try:
                self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CREAT, 0o666)
            except OSError:
                self._unavailable = True
        return self._descriptor

    def _wait(self, descriptor: int, timeout: float) -> bool:
        """Stand in the kernel's line on another thread: flock itself has no timeout, and trying again has no order."""
        arrival = _Arrival(descriptor)
        threading.Thread(target=arrival.wait, name="sessions-write-turn", daemon=True).start()
        if arrival.within(timeout):
            return True
        # The thread still stands in line and will close the descriptor when its turn comes.
        self._descriptor = None
        return False


class _Arrival:
    """A turn that will come, or will have been given up by then."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._here = threading.Event()
        self._lock = threading.Lock()
        self._given_up = False

    def wait(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        with self._lock:
            if self._given_up:
                # Closing alone would not do if a child has a copy of the descriptor from a fork.
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
                os.close(self._descriptor)
            self._here.set()

    def within(self, timeout: float) -> bool:
        if self._here.wait(timeout):
            return True
        with self._lock:
            self._given_up = not self._here.is_set()
            return not self._given_up

"""Taking turns at writing, across processes.

SQLite lets waiting writers try again at random; with several busy processes some wait for seconds. An advisory lock
on a file beside the database (``flock``, which the kernel hands on in order of arrival) gives equal shares. It is a
courtesy among our processes: SQLite's own lock keeps the database consistent. The lock is never on the database file
itself, because closing any descriptor of that file would drop SQLite's locks.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import Final, TypeAlias

try:
    import fcntl
except ImportError:  # Windows has no flock: writers there share as SQLite lets them.
    fcntl = None  # type: ignore[assignment]

LockFile: TypeAlias = tuple[int, int]
"""Device and inode of a lock file: one that was deleted and made again is another one."""


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
        """Stand in the kernel's line on another thread: flock itself has no timeout, and trying again has no order.

        A place in that line cannot be left: if it is given up, it is there for the next one to wait.
        """
        try:
            place = _line.join(descriptor)
        except RuntimeError:  # The program is ending, and starts no threads any more.
            return True
        if place.descriptor == descriptor:
            self._descriptor = None
        if not place.within(timeout) and _line.leave(place):
            return False
        # The lock is held on the descriptor that stood in line.
        self.close()
        self._descriptor = place.descriptor
        return True


class _Place:
    """A place in the line for one lock file: a turn that will come, on a descriptor of its own."""

    def __init__(self, lock_file: LockFile, descriptor: int) -> None:
        self.lock_file = lock_file
        self.descriptor = descriptor
        self.wanted = True
        self._here = threading.Event()

    def within(self, timeout: float) -> bool:
        """Wait for the turn; tell whether it came within `timeout` seconds."""
        return self._here.wait(timeout)

    @property
    def has_come(self) -> bool:
        """Whether the turn has come."""
        return self._here.is_set()

    def stand(self) -> None:
        """Wait until the turn comes, on a thread."""
        fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        with _line.lock:
            if self.wanted:
                self._here.set()
            else:
                _line.forget(self)


class _Line:
    """The places of this process in the lines for lock files.

    There are as many as are waited for at once, however often they are given up: while a process hangs that holds a
    lock, others may try any number of times.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._given_up: dict[LockFile, list[_Place]] = {}

    def join(self, descriptor: int) -> _Place:
        """Return a place in the line for a lock file that is open: one that was given up, or a new one.

        A new one takes the descriptor.
        """
        status = os.fstat(descriptor)
        lock_file = status.st_dev, status.st_ino
        with self.lock:
            if places := self._given_up.get(lock_file):
                # The one that was given up first stands nearest to the front.
                place = places.pop(0)
                place.wanted = True
                return place
        place = _Place(lock_file, descriptor)
        threading.Thread(target=place.stand, name="sessions-write-turn", daemon=True).start()
        return place

    def leave(self, place: _Place) -> bool:
        """Give up a place; return False if its turn has already come."""
        with self.lock:
            if place.has_come:
                return False
            place.wanted = False
            self._given_up.setdefault(place.lock_file, []).append(place)
            return True

    def forget(self, place: _Place) -> None:
        """Let the next process write, and close a place's open file. Called with the lock held."""
        places = self._given_up[place.lock_file]
        places.remove(place)
        if not places:
            del self._given_up[place.lock_file]
        # Closing alone would not do if a child has a copy of the descriptor from a fork.
        fcntl.flock(place.descriptor, fcntl.LOCK_UN)
        os.close(place.descriptor)

    def abandon(self) -> None:
        """Leave all places to the parent process, where their threads are; called in its child after a fork."""
        self.lock = threading.Lock()
        for places in self._given_up.values():
            for place in places:
                with suppress(OSError):
                    os.close(place.descriptor)
        self._given_up.clear()


_line: Final = _Line()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_line.abandon)

"""What the savers of a store remember of threads: it is forgotten in all of them when a thread goes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Collection

    from sessions.checkpoints.remembered import Remembered


class Forgetting:
    """The memories of threads that one store's savers have, for as long as these are used.

    Its methods may be called from any thread.
    """

    def __init__(self) -> None:
        self._all: WeakSet[Remembered] = WeakSet()
        self._lock = threading.Lock()

    def add(self, remembered: Remembered) -> None:
        """Add a memory."""
        with self._lock:
            self._all.add(remembered)

    def thread(self, thread_id: str) -> None:
        """Forget the contents of a thread that was removed."""
        for one in self._each():
            one.erased(thread_id)

    def lines(self, lines: Collection[int]) -> None:
        """Forget the contents of lines of which checkpoints were removed."""
        for one in self._each():
            one.erased_lines(lines)

    def expired(self, at: int) -> None:
        """Forget the contents of threads that have expired by then."""
        for one in self._each():
            one.expired(at)

    def _each(self) -> tuple[Remembered, ...]:
        with self._lock:
            return tuple(self._all)

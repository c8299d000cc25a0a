"""What a run has used of threads, for as long as it lasts: a thread that goes meanwhile is not brought back by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sessions.checkpoints.under_way import Putting
    from sessions.checkpoints.values import Place

_GONE: Final = 0
"""The number of no line: those count from one."""


class Run:
    """The lines and threads that a run has read or written. Its methods may be called from any thread.

    It grows with the namespaces that the run uses, and ends with the run; see `remembered.py` for callers without one.

    Args:
        around: The run that this one is a part of: the thread that it has used is this one's, too.
        holds: Kept as long as this.
    """

    def __init__(self, around: Run | None = None, holds: object = None) -> None:
        self._around = around
        self._holds = holds
        self._lines: dict[tuple[str, str], int] = {}
        self._threads: dict[str, int] = {}
        self._puts: dict[tuple[str, str], Putting] = {}

    def line(self, place: Place) -> int | None:
        """Return the number of the line that the run has used."""
        return self._lines.get((place.thread_id, place.ns))

    def thread(self, place: Place) -> int | None:
        """Return the number of the thread that the run has used."""
        found = self._threads.get(place.thread_id)
        return self._around.thread(place) if found is None and self._around is not None else found

    def note(self, place: Place, line: int, thread: int | None = None) -> None:
        """Remember a line that the run has found or made. The first one counts: another one is another thread's."""
        self._lines.setdefault((place.thread_id, place.ns), line)
        if thread is not None:
            self._threads.setdefault(place.thread_id, thread)

    def refused(self, place: Place) -> None:
        """Remember that the run's line is gone: what it still writes is refused, too."""
        self._lines[place.thread_id, place.ns] = _GONE

    def began(self, place: Place, put: Putting) -> None:
        """Remember a put that is under way: a run's puts into one line come after each other."""
        self._puts[place.thread_id, place.ns] = put

    def ended(self, place: Place, put: Putting) -> None:
        """Forget it."""
        if self.putting(place) is put:
            self._puts.pop((place.thread_id, place.ns), None)

    def putting(self, place: Place) -> Putting | None:
        """Return the put that is under way."""
        return self._puts.get((place.thread_id, place.ns))

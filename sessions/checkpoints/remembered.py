"""What a process remembers of lines, so that the common put needs nothing from the database.

Nothing here has to be true: each use is guarded by the line's next number, which every other change raises. Only bytes
are remembered, never the objects that they were made of.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import msgspec

from sessions.checkpoints.difference import Known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessions.checkpoints.lines import Line
    from sessions.checkpoints.values import Place, Version

DEFAULT_BYTES: Final = 64 << 20
"""The bytes of values that are remembered, by default."""

_SEEN: Final = 1 << 17
"""Of how many checkpoints it is remembered in which line they were: those of all runs that are under way."""

_ENDED: Final = 1 << 10
"""Of how many lines it is remembered that a run in them was refused."""

_OVERHEAD: Final = 1024
"""Bytes that a line takes beside its values."""


class State(msgspec.Struct, frozen=True):
    """The last checkpoint that was put or read in a line.

    Attributes:
        line: The line, with the next number behind the checkpoint.
        checkpoint_id: The checkpoint.
        row: The id of its row; one that is put again has another.
        versions: The versions of its channels.
        values: Its values; small ones as their one part.
    """

    line: Line
    checkpoint_id: str
    row: int
    versions: Mapping[str, Version]
    values: Mapping[str, Known | bytes]

    @property
    def size(self) -> int:
        """The bytes that it takes."""
        return _OVERHEAD + sum(known.full for known in self.values.values() if isinstance(known, Known))


class Remembered:
    """The lines that one holder of a database remembers. Its methods may be called from any thread.

    Args:
        most: How many bytes of values are kept; the lines that were not used for the longest time go first.
    """

    def __init__(self, most: int = DEFAULT_BYTES) -> None:
        self._most = most
        self._size = 0
        self._states: OrderedDict[tuple[str, str], State] = OrderedDict()
        self._seen: OrderedDict[tuple[str, str, str], int] = OrderedDict()
        self._ended: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, place: Place) -> State | None:
        """Return what is remembered of the line of a place."""
        return self._states.get((place.thread_id, place.ns))

    def put(self, place: Place, state: State) -> None:
        """Remember the last checkpoint of a line, after it was committed or read."""
        key = place.thread_id, place.ns
        with self._lock:
            self._forget(key)
            self._states[key] = state
            self._size += state.size
            while self._size > self._most:
                self._forget(next(iter(self._states)))
            self._note((*key, state.checkpoint_id), state.line.number)

    def forget(self, place: Place) -> None:
        """Forget a line's last checkpoint; in which line its checkpoints were stays known."""
        with self._lock:
            self._forget((place.thread_id, place.ns))

    def seen(self, place: Place, checkpoint_id: str | None) -> int | None:
        """Return the number of the line in which this process has put or read a checkpoint."""
        return None if checkpoint_id is None else self._seen.get((place.thread_id, place.ns, checkpoint_id))

    def note(self, place: Place, checkpoint_id: str, line: int) -> None:
        """Remember in which line a checkpoint is."""
        with self._lock:
            self._note((place.thread_id, place.ns, checkpoint_id), line)

    def end(self, place: Place, checkpoint_id: str) -> None:
        """Remember that a checkpoint was refused, as the thread of its run is gone."""
        with self._lock:
            self._ended[place.thread_id, place.ns] = checkpoint_id
            if len(self._ended) > _ENDED:
                self._ended.popitem(last=False)

    def begin(self, place: Place) -> None:
        """Remember that another checkpoint is put there, so by another run: a refused one puts no more."""
        if self._ended:
            with self._lock:
                self._ended.pop((place.thread_id, place.ns), None)

    def has_ended(self, place: Place, checkpoint_id: str) -> bool:
        """Tell whether a checkpoint is the refused one, or, as ids rise, one that its run would have put later."""
        refused = self._ended.get((place.thread_id, place.ns))
        return refused is not None and checkpoint_id >= refused

    def _note(self, key: tuple[str, str, str], line: int) -> None:
        self._seen.pop(key, None)
        self._seen[key] = line
        if len(self._seen) > _SEEN:
            self._seen.popitem(last=False)

    def _forget(self, key: tuple[str, str]) -> None:
        old = self._states.pop(key, None)
        if old is not None:
            self._size -= old.size

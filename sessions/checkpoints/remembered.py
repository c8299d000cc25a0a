"""A process's memory of lines, so that the common put needs nothing from the database.

Nothing here has to be true: each use is guarded by the line's next number, which every other change raises. Only bytes
are remembered, never the objects that they were made of.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from sessions.checkpoints.values import Value

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sessions.checkpoints.difference import Known
    from sessions.checkpoints.lines import Line
    from sessions.checkpoints.values import Place, Version

K = TypeVar("K")

DEFAULT_BYTES: Final = 64 << 20
"""The bytes of values that are remembered, by default."""

_SEEN: Final = 1 << 17
"""Of how many checkpoints and threads it is remembered where they were, for callers of which no run is known.

A run remembers its own; see `runs.py`.
"""

_GONE: Final = 0
"""The number of no line and of no thread: those count from one."""

_OF_LINE: Final = 1024
_OF_CHANNEL: Final = 128
_OF_KNOWN: Final = 512
_OF_PART: Final = 48
"""Bytes that Python's objects take beside the contents: of a line, a channel, a large value and a part."""


class State(msgspec.Struct, frozen=True):
    """The last checkpoint that was put or read in a line.

    Attributes:
        line: The line, with the next number behind the checkpoint.
        checkpoint_id: The checkpoint.
        row: The id of its row; one that is put again has another.
        versions: The versions of its channels.
        values: Its values; small ones as their one part.
        before: The checkpoint that it was put behind, if nothing else has changed the line since that one: a framework
            does not wait for writes there, so they may come late. It has none before it.
    """

    line: Line
    checkpoint_id: str
    row: int
    versions: Mapping[str, Version]
    values: Mapping[str, Known | bytes]
    before: State | None = None

    def behind(self, parent: State) -> State:
        """Return the same with the checkpoint that it was put behind."""
        values = {channel: _without_data(value) for channel, value in parent.values.items()}
        return msgspec.structs.replace(self, before=msgspec.structs.replace(parent, values=values, before=None))

    def at(self, checkpoint_id: str) -> State | None:
        """Return a checkpoint, in the line as it is now, if it is this one or the one before; only writes go there."""
        if self.checkpoint_id == checkpoint_id:
            return self
        if self.before is None or self.before.checkpoint_id != checkpoint_id:
            return None
        return msgspec.structs.replace(self.before, line=self.line)

    def is_current(self, line: Line, row: int) -> bool:
        """Tell whether a line is as it was, so that the checkpoint of a row, if it is this one, has these values."""
        return self.row == row and (self.line.number, self.line.next_number) == (line.number, line.next_number)

    def has_expired(self, at: int) -> bool:
        """Tell whether its thread has expired by then, unless another process has changed it."""
        ttl = self.line.thread.ttl
        return ttl is not None and self.line.updated_at + ttl <= at

    @property
    def size(self) -> int:
        """The bytes that it takes, about."""
        size = _OF_LINE + _OF_CHANNEL * len(self.versions) + sum(map(_size_of, self.values.values()))
        for channel, value in self.before.values.items() if self.before else ():
            size += _size_beyond(value, self.values.get(channel))
        return size


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
        self._threads: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, place: Place) -> State | None:
        """Return the remembered state of a place's line."""
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
            self._note(place, state.checkpoint_id, state.line)

    def forget(self, place: Place) -> None:
        """Forget a line's last checkpoint; in which line its checkpoints were stays known."""
        with self._lock:
            self._forget((place.thread_id, place.ns))

    def erased(self, thread_id: str) -> None:
        """Forget all values of a thread; that it was there stays known, so that late writes do not bring it back."""
        with self._lock:
            for key in [key for key in self._states if key[0] == thread_id]:
                self._forget(key)

    def erased_lines(self, lines: Collection[int]) -> None:
        """Forget all values of some lines, of which a checkpoint was removed."""
        with self._lock:
            for key in [key for key, state in self._states.items() if state.line.number in lines]:
                self._forget(key)

    def expired(self, at: int) -> None:
        """Forget all values of threads that have expired by then, as far as is known here."""
        with self._lock:
            for key in [key for key, state in self._states.items() if state.has_expired(at)]:
                self._forget(key)

    def seen(self, place: Place, checkpoint_id: str | None) -> int | None:
        """Return the number of the line in which this process has put or read a checkpoint."""
        if checkpoint_id is None:
            return None
        state = self.get(place)
        if state is not None and state.checkpoint_id == checkpoint_id:
            return state.line.number
        return self._seen.get((place.thread_id, place.ns, checkpoint_id))

    def thread(self, place: Place) -> int | None:
        """Return the number of the thread in which this process last put or read a checkpoint."""
        return self._threads.get(place.thread_id)

    def note(self, place: Place, checkpoint_id: str, line: Line) -> None:
        """Remember in which line a checkpoint is."""
        with self._lock:
            self._note(place, checkpoint_id, line)

    def missed(self, place: Place) -> None:
        """Forget a line that has no checkpoint; with the graph's own line, the thread, which may begin anew."""
        with self._lock:
            self._forget((place.thread_id, place.ns))
            if not place.ns:
                self._threads.pop(place.thread_id, None)

    def refused(self, place: Place, checkpoint_id: str) -> None:
        """Remember that a checkpoint was refused as its line is gone: later writes of its run are refused, too."""
        with self._lock:
            _keep(self._seen, (place.thread_id, place.ns, checkpoint_id), _GONE)
            if place.thread_id not in self._threads:
                _keep(self._threads, place.thread_id, _GONE)

    def _note(self, place: Place, checkpoint_id: str, line: Line) -> None:
        _keep(self._seen, (place.thread_id, place.ns, checkpoint_id), line.number)
        _keep(self._threads, place.thread_id, line.thread.number)

    def _forget(self, key: tuple[str, str]) -> None:
        old = self._states.pop(key, None)
        if old is not None:
            self._size -= old.size


def _size_of(value: Known | bytes) -> int:
    if isinstance(value, bytes):
        return len(value)
    return value.full + len(value.value.data or b"") + _OF_KNOWN + _OF_PART * len(value.value.parts)


def _size_beyond(value: Known | bytes, after: Known | bytes | None) -> int:
    """Return the bytes that a value takes beside the one after it: a list that grew shares its parts."""
    if isinstance(value, bytes) or isinstance(after, bytes) or after is None:
        return _size_of(value)
    old, new = value.value.parts, after.value.parts
    if old is new:
        return 0
    return _OF_KNOWN + 8 * len(old) if old and new and old[0] is new[0] else _size_of(value)


def _without_data(value: Known | bytes) -> Known | bytes:
    """Return a value that is only compared with, without the bytes that serve to read it."""
    if isinstance(value, bytes) or value.value.data is None:
        return value
    return msgspec.structs.replace(value, value=Value(value.value.shape, value.value.parts))


def _keep(kept: OrderedDict[K, int], key: K, number: int) -> None:
    kept.pop(key, None)
    kept[key] = number
    if len(kept) > _SEEN:
        kept.popitem(last=False)

"""The payloads of checkpoints and writes, beside their columns, as msgpack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from sessions.checkpoints.difference import Known, applied, difference, whole
from sessions.checkpoints.values import ONE, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sessions.checkpoints.values import NewWrite

INLINE: Final = 48
"""Values of up to so many bytes are in the body itself."""

_PART: Final = 0
_DIFFERENCE: Final = 1
_PIECE: Final = 2

_DIFFERENCE_FROM: Final = 1024
"""Writes with fewer bytes are always stored whole."""

_GAIN: Final = 2


class Body(msgspec.Struct, frozen=True, array_like=True):
    """A checkpoint's payload.

    Attributes:
        head: As it was put.
        metadata: As it was put.
        versions: The versions of all channels.
        inline: Small values, each as its one part.
        ranges: The other channels, in the order of the heads, and how many ranges each has.
        replayed: The channels that are rebuilt from checkpoints before.
    """

    head: bytes
    metadata: bytes
    versions: dict[str, int | float | str]
    inline: dict[str, bytes]
    ranges: list[tuple[str, int]]
    replayed: list[str] = []

    @property
    def channels(self) -> set[str]:
        """The channels that have a value in the checkpoint."""
        return {*self.inline, *(channel for channel, _ in self.ranges)}


class StoredWrite(NamedTuple):
    """A write in a payload.

    Attributes:
        number: Its number among the task's writes.
        channel: Its channel.
        form: How it is stored: as one part, as a difference from the channel's value in its checkpoint, or as a piece.
        payload: Its bytes.
    """

    number: int
    channel: str
    form: int
    payload: bytes

    def value(self, base: Value | None) -> Value:
        """Return the value that was written, given the channel's value in the write's checkpoint.

        Raises:
            ValueError: The payload makes none.
        """
        if self.form == _PART:
            return Value(ONE, [self.payload])
        if self.form == _DIFFERENCE and base is None:
            raise ValueError("a write that differs from no value")
        return applied(base if self.form == _DIFFERENCE else None, self.payload)

    @property
    def is_difference(self) -> bool:
        """Whether it cannot be read without the value of its channel."""
        return self.form == _DIFFERENCE


_encode = msgspec.msgpack.Encoder().encode
_body = msgspec.msgpack.Decoder(Body)
_writes = msgspec.msgpack.Decoder(list[StoredWrite])


def pack(made: Body | list[StoredWrite]) -> bytes:
    """Return a payload."""
    return _encode(made)


def unpack_body(payload: bytes) -> Body:
    """Return a checkpoint's payload.

    Raises:
        ValueError: It is damaged.
    """
    try:
        return _body.decode(payload)
    except msgspec.DecodeError as error:
        raise ValueError("a damaged checkpoint") from error


def unpack_writes(payload: bytes) -> list[StoredWrite]:
    """Return the writes of a payload.

    Raises:
        ValueError: It is damaged.
    """
    try:
        return _writes.decode(payload)
    except msgspec.DecodeError as error:
        raise ValueError("damaged writes") from error


def whole_write(write: NewWrite) -> StoredWrite:
    """Return a write as it is stored by itself."""
    number, channel, value = write
    if value.shape == ONE:
        return StoredWrite(number, channel, _PART, value.parts[0])
    return StoredWrite(number, channel, _PIECE, whole(value))


def short_write(write: NewWrite, base: Known | bytes | None) -> StoredWrite:
    """Return a write as it is stored if its channel's value is known: as a difference from it, if that is short."""
    number, channel, value = write
    full = sum(map(len, value.parts))
    if isinstance(base, Known) and full >= _DIFFERENCE_FROM:
        found = difference(base.value, value)
        if found is not None and len(found[0]) * _GAIN < full:
            return StoredWrite(number, channel, _DIFFERENCE, found[0])
    return whole_write(write)


def by_slot(writes: Iterable[StoredWrite]) -> dict[int, list[StoredWrite]]:
    """Return writes by the slot of their row: 0 has all ordinary ones, and each special one has its own."""
    slots: dict[int, list[StoredWrite]] = {}
    for write in writes:
        if write.number < 0:
            slots[write.number] = [write]
        else:
            slots.setdefault(0, []).append(write)
    return slots


def value_of(known: Mapping[str, Known | bytes], channel: str) -> Value | None:
    """Return the value of a channel."""
    found = known.get(channel)
    return found.value if isinstance(found, Known) else None if found is None else Value(ONE, [found])

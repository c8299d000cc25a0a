"""Versions of a value, each as a piece: whole, or as its difference from the version before.

A piece is a msgpack array ``[shape, runs, literals]``. A run is ``[start, count]``: parts of the base; or
``[-1, count]``: so many literals, which stand in order. A literal is a part, or cuts of one of the base's parts
(`splices.py`). A whole value is one run of literals.

A value is whole again before reading it takes too long: once the pieces to be read have three times its bytes, or more
rows than the value has parts (64 at least), or their cuts copy 32 times its bytes, or they lie in 8 places. So reading
costs a bounded multiple of the value, and writing a list that grows stays as cheap as its new parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from sessions.checkpoints.parts import key_of
from sessions.checkpoints.splices import SPLICE_FROM, Splice, cut, spliced
from sessions.checkpoints.values import DICT, LIST, ONE, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_RANGES: Final = 8
_MOST_BYTES: Final = 3
_SOME_BYTES: Final = 4096
_MOST_ROWS: Final = 64
_MOST_COPIED: Final = 32
_SOME_COPIED: Final = 65_536

Run = list[int]
Range = tuple[int, int]
"""Ids of pieces that lie together: the first and the last."""

_encode = msgspec.msgpack.Encoder().encode
# Exact types: of others, msgspec follows any depth that a database names.
_piece = msgspec.msgpack.Decoder(tuple[int, list[tuple[int, int]], list[bytes | list[int | bytes]]])
_pieces = msgspec.msgpack.Decoder(list[tuple[int, list[tuple[int, int]], list[bytes | list[int | bytes]]]])
_adding = msgspec.msgpack.Decoder(list[tuple[int, tuple[tuple[int, int], tuple[int, int]], list[bytes]]])
"""Of pieces that each add their parts, as most do."""

_ARRAY: Final = b"\xdd"
"""How a msgpack array with a length of 4 bytes begins."""


class Known(msgspec.Struct):
    """A stored version of a value.

    Attributes:
        value: The value.
        ranges: Where its pieces are, in order.
        full: The bytes of its parts.
        stored: The bytes of its pieces.
        rows: How many pieces it has.
        copied: The bytes that cuts copy to make it.
        may_grow: Whether nothing lies behind its last piece in that piece's chain.
    """

    value: Value
    ranges: list[Range]
    full: int
    stored: int
    rows: int
    copied: int
    may_grow: bool = False


class Made(msgspec.Struct):
    """A piece that is to be stored for a new version.

    Attributes:
        payload: Its bytes.
        is_whole: Whether it needs no other piece.
        known: The version, still without its place.
    """

    payload: bytes
    is_whole: bool
    known: Known


def piece_of(base: Known | None, value: Value) -> Made | None:
    """Return the piece that stores a value behind the version `base`, if there is one; ``None`` if they are equal."""
    if base is not None and base.value == value:
        return None
    full = sum(map(len, value.parts))
    found = None if base is None or len(base.ranges) >= _MOST_RANGES else difference(base.value, value)
    if found is not None and base is not None:
        payload, copied = found
        stored, rows, copied = base.stored + len(payload), base.rows + 1, base.copied + copied
        if (
            stored <= _MOST_BYTES * full + _SOME_BYTES
            and rows <= max(_MOST_ROWS, len(value.parts))
            and copied <= _MOST_COPIED * full + _SOME_COPIED
        ):
            return Made(payload, False, Known(value, [], full, stored, rows, copied))  # noqa: FBT003 - a column of them
    payload = whole(value)
    return Made(payload, True, Known(value, [], full, len(payload), 1, 0))  # noqa: FBT003 - as above


def whole(value: Value) -> bytes:
    """Return a piece with all of a value."""
    return _encode([value.shape, [[-1, len(value.parts)]], value.parts])


def difference(base: Value, value: Value) -> tuple[bytes, int] | None:
    """Return the piece that makes a value of another, and the bytes that it copies; ``None`` if it is not shorter."""
    if base.shape != value.shape:
        return None
    runs, literals, copied = _compared(base.parts, value.parts, is_dict=value.shape == DICT)
    if not copied and all(start < 0 for start, _ in runs):
        return None
    return _encode([value.shape, runs, literals]), copied


def resolved(ranges: list[Range], payloads: Sequence[bytes]) -> Known:
    """Return the version that pieces make, in their order.

    Raises:
        ValueError: They make none.
    """
    if not payloads:
        raise ValueError("a value without pieces")
    shape, runs, literals = _decoded(payloads[0])
    parts, copied = _applied([], runs, literals)
    # As one array: a value may have hundreds of pieces.
    behind = b"".join([_ARRAY, (len(payloads) - 1).to_bytes(4, "big"), *payloads[1:]])
    added = _added(shape, len(parts), behind)
    if added is None:
        parts, more = _all_applied(shape, parts, behind)
        copied += more
    else:
        parts += added
    stored = sum(map(len, payloads))
    return Known(_checked(shape, parts), ranges, sum(map(len, parts)), stored, len(payloads), copied)


def applied(base: Value | None, payload: bytes) -> Value:
    """Return the value that a piece makes of the version before.

    Raises:
        ValueError: It makes none: it is damaged, or belongs to another value.
    """
    shape, runs, literals = _decoded(payload)
    if base is not None and base.shape != shape:
        raise ValueError("a piece of another shape")
    return _checked(shape, _applied([] if base is None else base.parts, runs, literals)[0])


def _decoded(payload: bytes) -> tuple[int, list[tuple[int, int]], list[Any]]:
    try:
        return _piece.decode(payload)
    except msgspec.DecodeError as error:
        raise ValueError("a damaged piece") from error


def _added(shape: int, count: int, behind: bytes) -> list[bytes] | None:
    """Return the parts that pieces add behind so many; ``None`` if one does anything else, or is damaged."""
    try:
        pieces = _adding.decode(behind)
    except msgspec.DecodeError:
        return None
    added: list[bytes] = []
    for made, (base, new), literals in pieces:
        if made != shape or base != (0, count) or new != (-1, len(literals)):
            return None
        added += literals
        count += len(literals)
    return added


def _all_applied(shape: int, parts: list[bytes], behind: bytes) -> tuple[list[bytes], int]:
    """Return the parts that pieces make of others, and how many bytes their cuts copy."""
    try:
        pieces = _pieces.decode(behind)
    except msgspec.DecodeError as error:
        raise ValueError("a damaged piece") from error
    copied = 0
    for made, runs, literals in pieces:
        if made != shape:
            raise ValueError("a piece of another shape")
        if len(runs) == 2 and runs[0] == (0, len(parts)) and _are_whole(runs[1], literals):  # noqa: PLR2004 - it adds
            parts += cast("list[bytes]", literals)  # In place: a list that grew has as many pieces as parts.
        else:
            parts, more = _applied(parts, runs, literals)
            copied += more
    return parts, copied


def _are_whole(run: tuple[int, int], literals: list[Any]) -> bool:
    """Tell whether a run takes all literals, and none is made of cuts."""
    return run == (-1, len(literals)) and set(map(type, literals)) == {bytes}


def _checked(shape: int, parts: list[bytes]) -> Value:
    if shape not in (ONE, LIST, DICT) or (shape == ONE and len(parts) != 1):
        raise ValueError("a piece of no shape")
    return Value(shape, parts)


def _applied(old: list[bytes], runs: list[tuple[int, int]], literals: list[Any]) -> tuple[list[bytes], int]:
    """Return the parts that runs and literals make of others, and how many bytes cuts copied."""
    parts: list[bytes] = []
    at = copied = 0
    for start, count in runs:
        if start >= 0:
            if count < 0 or start + count > len(old):
                raise ValueError("a piece of another value")
            parts += old[start : start + count]
            continue
        if count < 0 or at + count > len(literals):
            raise ValueError("a piece without its parts")
        for literal in literals[at : at + count]:
            part, more = _literal(old, literal)
            parts.append(part)
            copied += more
        at += count
    return parts, copied


def _literal(old: list[bytes], literal: bytes | Splice) -> tuple[bytes, int]:
    if isinstance(literal, bytes):
        return literal, 0
    if not isinstance(literal, list) or not literal:
        raise ValueError("a piece with an impossible part")
    part = spliced(old, literal)
    return part, len(part)


def _compared(old: list[bytes], new: list[bytes], *, is_dict: bool) -> tuple[list[Run], list[bytes | Splice], int]:
    """Return the runs and literals that make the parts `new` of `old`, and how many bytes their cuts copy."""
    n, m = len(new), len(old)
    head, tail = _common(old, new)
    runs: list[Run] = [[0, head]] if head else []
    end = [[m - tail, tail]] if tail else []
    if head + tail == m:  # The base has nothing between: all that is new is added.
        added = new[head : n - tail]
        return runs + ([[-1, len(added)]] if added else []) + end, [*added], 0
    between = _Between(old, head, m - tail, is_dict=is_dict)
    literals: list[bytes | Splice] = []
    copied, at = 0, head
    while at < n - tail:
        place, count = between.run(new, at, n - tail)
        if count:
            runs.append([place, count])
            at += count
            continue
        splice = between.cut(new[at], at)
        copied += len(new[at]) if splice else 0
        literals.append(splice or new[at])
        if runs and runs[-1][0] == -1:
            runs[-1][1] += 1
        else:
            runs.append([-1, 1])
        at += 1
    return runs + end, literals, copied


def _common(old: list[bytes], new: list[bytes]) -> tuple[int, int]:
    """Return how many parts are equal at the beginning, and at the end behind these."""
    n, m = len(new), len(old)
    head, stop = 0, min(n, m)
    if new[:stop] == old[:stop]:
        head = stop
    while head < stop and new[head] == old[head]:
        head += 1
    tail = 0
    while tail < stop - head and new[n - 1 - tail] == old[m - 1 - tail]:
        tail += 1
    return head, tail


class _Between:
    """The base's parts between the common beginning and the common end."""

    def __init__(self, old: list[bytes], first: int, end: int, *, is_dict: bool) -> None:
        self._old = old
        self._end = end
        self._places: dict[bytes, int] = {}
        for place in range(first, end):
            self._places.setdefault(old[place], place)
        self._is_dict = is_dict
        self._keys: dict[bytes, int] | None = None

    def run(self, new: list[bytes], at: int, end: int) -> tuple[int, int]:
        """Return where the parts from one on are, and how many of them are there; none, if the first is nowhere."""
        place = self._places.get(new[at])
        if place is None:
            return -1, 0
        count = 1
        while at + count < end and place + count < self._end and new[at + count] == self._old[place + count]:
            count += 1
        return place, count

    def cut(self, part: bytes, at: int) -> Splice | None:
        """Return a part as cuts of the base's part with the same key, or at the same place."""
        if len(part) < SPLICE_FROM:
            return None
        like: int | None = at if at < len(self._old) else None
        if self._is_dict:
            if self._keys is None:
                self._keys = {key_of(old): place for place, old in enumerate(self._old)}
            like = self._keys.get(key_of(part))
        return None if like is None else cut(self._old[like], part, like)

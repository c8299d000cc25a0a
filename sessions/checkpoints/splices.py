"""A changed part as cuts of the part before: for texts and documents of which a little changes.

Serializers write a length before the measured bytes, so a change in the middle also changes bytes far before it. So
after a mismatch, the place is looked for where both are alike again.
"""

from __future__ import annotations

from typing import Final, TypeAlias

Splice: TypeAlias = list[int | bytes]
"""The number of a part of the base; then start, count and bytes, start, count and bytes …: what of that part is taken,
and what comes behind it."""

SPLICE_FROM: Final = 512
"""Parts with fewer bytes are always stored whole."""

_CHUNK: Final = 1 << 16
_CUTS: Final = 12
_SHORT: Final = 96
"""So many bytes between two likenesses are stored, and no further likeness is looked for."""

_SKIPS: Final = (4, 8, 16, 32, 64, 128, 256, 512)
_PROBE: Final = 32
_BACK: Final = 256
_AHEAD: Final = 1024
_GAIN: Final = 2


def cut(old: bytes, new: bytes, number: int) -> Splice | None:
    """Return the cuts that make `new` of `old`, the part of a number; ``None`` if they are not shorter."""
    if len(new) < SPLICE_FROM or len(old) < SPLICE_FROM:
        return None
    made: Splice = [number]
    i = j = spent = 0
    for _ in range(_CUTS):
        alike = _ahead(old, i, new, j)
        start, i, j = i, i + alike, j + alike
        tail = _behind(old, new, min(len(old) - i, len(new) - j))
        rest = len(new) - tail - j
        found = _alike_again(old, i, new, j, rest) if rest > _SHORT else None
        if found is None:
            made += [start, alike, new[j : j + rest], len(old) - tail, tail, b""]
            spent += rest
            break
        skip, at = found
        made += [start, alike, new[j : j + skip]]
        spent += skip
        i, j = at, j + skip
    else:
        made += [0, 0, new[j:]]
        spent += len(new) - j
    return made if spent * _GAIN < len(new) else None


def spliced(parts: list[bytes], splice: Splice) -> bytes:
    """Return the part that cuts make of the base's parts.

    Raises:
        ValueError: `cut` does not make such cuts.
    """
    try:
        old = parts[_natural(splice[0])]
        made: list[bytes] = []
        for at in range(1, len(splice), 3):
            start, count, text = splice[at : at + 3]
            if not isinstance(text, bytes):
                raise ValueError("a cut without its bytes")  # noqa: TRY004 - of stored bytes, not of an argument
            taken = old[_natural(start) : _natural(start) + _natural(count)]
            if len(taken) != count:
                raise ValueError("a cut beyond its part")
            made += (taken, text)
    except IndexError:
        raise ValueError("a cut of a part that is not there") from None
    return b"".join(made)


def _natural(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("a cut at no place")
    return value


def _alike_again(old: bytes, i: int, new: bytes, j: int, rest: int) -> tuple[int, int] | None:
    """Return how many bytes of `new` to skip, and the place in `old` that is alike behind them."""
    for skip in _SKIPS:
        if skip + _PROBE > rest:
            break
        at = old.find(new[j + skip : j + skip + _PROBE], max(0, i - _BACK), i + skip + _AHEAD)
        if at >= 0:
            return skip, at
    return None


def _ahead(a: bytes, i: int, b: bytes, j: int) -> int:
    """Return how many bytes are alike from ``a[i]`` and ``b[j]`` on; slices are compared at the speed of memory."""
    count, at = min(len(a) - i, len(b) - j), 0
    while at < count:
        step = min(_CHUNK, count - at)
        if a[i + at : i + at + step] != b[j + at : j + at + step]:
            low, high = 0, step - 1
            while low < high:
                middle = (low + high + 1) // 2
                if a[i + at + low : i + at + middle] == b[j + at + low : j + at + middle]:
                    low = middle
                else:
                    high = middle - 1
            return at + low
        at += step
    return count


def _behind(a: bytes, b: bytes, most: int) -> int:
    """Return how many bytes are alike at the ends, up to `most`."""
    at, of_a, of_b = 0, len(a), len(b)
    while at < most:
        step = min(_CHUNK, most - at)
        if a[of_a - at - step : of_a - at] != b[of_b - at - step : of_b - at]:
            low, high = 0, step - 1
            while low < high:
                middle = (low + high + 1) // 2
                if a[of_a - at - middle : of_a - at - low] == b[of_b - at - middle : of_b - at - low]:
                    low = middle
                else:
                    high = middle - 1
            return at + low
        at += step
    return most

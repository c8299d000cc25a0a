"""Ranges of pieces: as a checkpoint's heads, as parameters of statements, and joined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sessions.db.ids import id_of, owner_of, position_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessions.checkpoints.difference import Range


_decode = msgspec.json.Decoder(list[tuple[int, int, int]]).decode


def dump_heads(ranges: Iterable[Range]) -> str:
    """Return ranges as a checkpoint's row has them: ``[[chain, first, last], …]``."""
    return msgspec.json.encode([(owner_of(low), position_of(low), position_of(high)) for low, high in ranges]).decode()


def load_heads(heads: str) -> list[Range]:
    """Return a checkpoint's ranges.

    Raises:
        ValueError: They are damaged.
    """
    try:
        found = _decode(heads)
    except msgspec.DecodeError as error:
        raise ValueError("damaged heads") from error
    return [(id_of(chain, first), id_of(chain, last)) for chain, first, last in found]


def as_parameter(ranges: Iterable[Range]) -> str:
    """Return ranges as a statement takes them: ``[[low, high], …]``."""
    return msgspec.json.encode(list(ranges)).decode()


def ids_in(ranges: Iterable[Range]) -> Iterable[int]:
    """Yield the ids of all pieces in ranges, in their order."""
    for low, high in ranges:
        yield from range(low, high + 1)


def joined(ranges: Iterable[Range]) -> list[Range]:
    """Return ranges that have each piece once, ordered by their ids."""
    made: list[Range] = []
    for low, high in sorted(ranges):
        if made and low <= made[-1][1] + 1 and owner_of(low) == owner_of(made[-1][0]):
            made[-1] = (made[-1][0], max(made[-1][1], high))
        else:
            made.append((low, high))
    return made

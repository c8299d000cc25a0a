"""Rows of what search knows of memories, as statements return them."""

from __future__ import annotations

from typing import NamedTuple


class IndexRow(NamedTuple):
    """What search knows of a memory.

    Attributes:
        id: The memory's internal id.
        version: Its version.
        space: The internal id of its namespace.
        vectors: The vectors of its texts, by the model that searches; ``None`` without any.
        words: Its words, hashed and counted; ``None`` if search is not to find it.
    """

    id: int
    version: int
    space: int
    vectors: bytes | None
    words: bytes | None

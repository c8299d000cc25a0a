"""Cosines that depend on the two vectors alone, so that equal memories have equal scores.

A product of a matrix and a vector adds up in an order that depends on the matrix's shape, and on a row's place in it:
in single precision, equal vectors then differ by up to some millionths. It finds the candidates for a page. These are
computed here, in double precision and row by row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_AT_ONCE: Final = 1024
"""Memories whose vectors are copied together."""


class Vectors(NamedTuple):
    """The vectors of the memories of a part; a block only appends to the arrays, so they stay as they are.

    Attributes:
        matrix: The vectors of a block.
        ends: The vectors of slot n are those from ``ends[n]`` to ``ends[n + 1]``.
        slots: The slot of each memory; ``None`` if they are all slots.
        query: The query's vector.
    """

    matrix: NDArray[np.float32]
    ends: NDArray[np.int64]
    slots: NDArray[np.intp] | None
    query: NDArray[np.float32]

    def cosines(self, places: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the cosine of the best vector of each memory at some places; NaN without a vector."""
        slots = places if self.slots is None else self.slots[places]
        query = self.query.astype(np.float64)
        parts = [self._of(slots[at : at + _AT_ONCE], query) for at in range(0, len(slots), _AT_ONCE)]
        return np.clip(np.concatenate(parts), -1, 1) if parts else np.empty(0)

    def _of(self, slots: NDArray[np.intp], query: NDArray[np.float64]) -> NDArray[np.float64]:
        counts = self.ends[slots + 1] - self.ends[slots]
        rows = self.matrix[places_of(self.ends, slots)].astype(np.float64)
        rows *= query
        # Unlike a product with `@`, the sum of a row does not depend on the other rows.
        scores = rows.sum(axis=1)
        found = np.full(len(slots), np.nan)
        has = counts > 0
        if has.any():
            found[has] = np.maximum.reduceat(scores, (np.cumsum(counts) - counts)[has])
        return found


def places_of(ends: NDArray[np.int64], slots: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the places of the vectors of some slots, in their order."""
    starts = ends[slots]
    counts = ends[slots + 1] - starts
    before = np.cumsum(counts) - counts
    places: NDArray[np.intp] = np.arange(int(counts.sum()), dtype=np.intp)
    places += np.repeat(starts - before, counts)
    return places

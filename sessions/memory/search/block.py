"""Blocks of the search cache: up to 4,096 memories in arrays, which numpy scores at once.

A memory has a slot of a block. A changed memory gets a new slot, and its old one is marked dead, so arrays are only
appended to. Blocks are small enough that one can be copied without being noticed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sessions.embedding.vectors import unpack
from sessions.memory.search.exact import Vectors, places_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    from sessions.memory.search.rows import IndexRow

CAPACITY: Final = 4096
"""Memories in a block. A slot's number has to fit into 16 bits."""

_FIRST: Final = 64
_HASH: Final = np.uint64(32)
_SLOT: Final = np.uint64(8)
_SLOT_MASK: Final = np.uint64(0xFFFF)
_COUNT_MASK: Final = np.uint64(0xFF)
_PER_WORD: Final = 5
"""Bytes of a word in a row: see `text_search/rows.py`."""


class Query(NamedTuple):
    """The query.

    Attributes:
        vector: The unit vector of the query; ``None`` for searching by words alone.
        hashes: The hashes of the query's words, each once; empty for searching by meaning alone.
    """

    vector: NDArray[np.float32] | None
    hashes: Sequence[int] = ()


class Part(NamedTuple):
    """A block's answer to a query: the selected memories in arrays of one length.

    Attributes:
        ids: Their ids.
        versions: Their versions.
        cosines: The cosine of the best of each memory's vectors; NaN without a vector. ``None`` if not asked for.
        lengths: How many words each has.
        matches: For each word of the query, the places in these arrays that have it, and how often.
        vectors: Tell the exact cosines; ``None`` if these are.
    """

    ids: NDArray[np.int64]
    versions: NDArray[np.int64]
    cosines: NDArray[np.float32] | NDArray[np.float64] | None
    lengths: NDArray[np.float32]
    matches: list[tuple[NDArray[np.intp], NDArray[np.float32]]]
    vectors: Vectors | None = None

    def without_vectors(self) -> Part:
        """Return the same with exact cosines, and without its block's vectors."""
        if self.vectors is None:
            return self
        return self._replace(cosines=self.vectors.cosines(np.arange(len(self.ids))), vectors=None)


class Block:
    """Some memories in arrays.

    Args:
        dims: The dimensions of vectors; 0 without any.

    Attributes:
        spaces: The internal ids of the namespaces of its memories.
        used: The slots in use, dead ones included.
        dead: The slots that are dead.
    """

    def __init__(self, dims: int) -> None:
        self._dims = dims
        self._ids = np.empty(_FIRST, np.int64)
        self._versions = np.empty(_FIRST, np.int64)
        self._space = np.empty(_FIRST, np.int64)
        self._live = np.zeros(_FIRST, np.bool_)
        self._lengths = np.empty(_FIRST, np.float32)
        self._ends = np.zeros(_FIRST + 1, np.int64)  # The vectors of slot n are those from ends[n] to ends[n + 1].
        self._matrix = np.empty((_FIRST, dims), np.float32)
        self._postings = np.empty(0, np.uint64)  # Sorted: hash, slot and count of each word.
        self._later: list[NDArray[np.uint64]] = []
        self._is_single = True  # Each slot has one vector: that of slot n is n.
        self.spaces: set[int] = set()
        self.used = 0
        self.dead = 0

    @property
    def room(self) -> int:
        """The slots that are free."""
        return CAPACITY - self.used

    @property
    def nbytes(self) -> int:
        """The bytes in use."""
        words = self._postings.nbytes + sum(part.nbytes for part in self._later)
        return self.used * 45 + int(self._ends[self.used]) * self._dims * 4 + words

    @property
    def live_bytes(self) -> int:
        """The bytes that would be in use without the slots that are dead, about."""
        return self.nbytes * (self.used - self.dead) // max(self.used, 1)

    def add(self, rows: Sequence[IndexRow]) -> None:
        """Append rows, not more than there is room for."""
        first, count = self.used, len(rows)
        end = first + count
        vectors = unpack([row.vectors for row in rows if row.vectors], self._dims) if self._dims else None
        size = 2 * max(self._dims, 1)
        ends = self._ends[first] + np.cumsum([len(row.vectors) // size if row.vectors else 0 for row in rows])
        self._grow(end, int(ends[-1]))
        self._ids[first:end] = [row.id for row in rows]
        self._versions[first:end] = [row.version for row in rows]
        self._space[first:end] = [row.space for row in rows]
        self._live[first:end] = True
        if vectors is not None:
            self._matrix[int(self._ends[first]) : int(ends[-1])] = vectors
        self._ends[first + 1 : end + 1] = ends
        self._is_single &= bool((ends == np.arange(first + 1, end + 1)).all())
        self._add_words(first, [row.words or b"" for row in rows])
        self.spaces.update(row.space for row in rows)
        self.used = end

    def _grow(self, slots: int, vectors: int) -> None:
        have = len(self._ids)
        if slots > have:
            size = min(max(slots, 2 * have), CAPACITY)
            for name in ("_ids", "_versions", "_space", "_lengths"):
                setattr(self, name, np.resize(getattr(self, name), size))
            self._live = np.concatenate([self._live, np.zeros(size - have, np.bool_)])
            self._ends = np.concatenate([self._ends, np.zeros(size - have, np.int64)])
        if vectors > len(self._matrix):
            larger = np.empty((max(vectors, min(2 * len(self._matrix), CAPACITY)), self._dims), np.float32)
            kept = int(self._ends[self.used])
            larger[:kept] = self._matrix[:kept]
            self._matrix = larger

    def _add_words(self, first: int, words: Sequence[bytes]) -> None:
        counts = np.array([len(row) // _PER_WORD for row in words], np.int64)
        hashes = np.frombuffer(b"".join([row[: len(row) // _PER_WORD * 4] for row in words]), "<u4")
        often = np.frombuffer(b"".join([row[len(row) // _PER_WORD * 4 :] for row in words]), np.uint8)
        slots = np.repeat(np.arange(first, first + len(words), dtype=np.uint64), counts)
        self._lengths[first : first + len(words)] = np.bincount(
            (slots - np.uint64(first)).astype(np.intp), often, minlength=len(words)
        )
        postings: NDArray[np.uint64] = hashes.astype(np.uint64) << _HASH
        postings |= slots << _SLOT
        postings |= often.astype(np.uint64)
        self._later.append(postings)

    def kill(self, ids: NDArray[np.int64]) -> None:
        """Mark memories as dead, wherever they are."""
        self._kill(np.isin(self._ids[: self.used], ids))

    def forget(self, space: int) -> None:
        """Mark all memories of a namespace as dead."""
        if space in self.spaces:
            self._kill(self._space[: self.used] == space)
            self.spaces.discard(space)

    def keep_only(self, space: int, ids: NDArray[np.int64], version: int) -> None:
        """Mark memories of a namespace as dead that were put up to a version, except for some."""
        if space in self.spaces:
            used = slice(0, self.used)
            self._kill(
                (self._space[used] == space) & (self._versions[used] <= version) & ~np.isin(self._ids[used], ids)
            )

    def _kill(self, which: NDArray[np.bool_]) -> None:
        which &= self._live[: self.used]
        self.dead += int(which.sum())
        self._live[: self.used] &= ~which

    def compact(self) -> Block:
        """Return a block with the memories that are alive."""
        made = Block(self._dims)
        keep = np.flatnonzero(self._live[: self.used])
        numbers = np.zeros(self.used, np.uint64)
        numbers[keep] = np.arange(len(keep), dtype=np.uint64)
        vectors = places_of(self._ends, keep)
        counts = self._ends[keep + 1] - self._ends[keep]
        made._grow(max(len(keep), 1), max(len(vectors), 1))
        for name in ("_ids", "_versions", "_space", "_live", "_lengths"):
            getattr(made, name)[: len(keep)] = getattr(self, name)[keep]
        made._matrix[: len(vectors)] = self._matrix[vectors]
        made._ends[1 : len(keep) + 1] = np.cumsum(counts)
        made._is_single = bool((counts == 1).all())
        postings = self._sorted_postings()
        slots = (postings >> _SLOT & _SLOT_MASK).astype(np.intp)
        alive = self._live[slots]
        rest = postings[alive] & ~(_SLOT_MASK << _SLOT)
        made._postings = rest | numbers[slots[alive]] << _SLOT
        made.spaces = set(self._space[keep].tolist())
        made.used = len(keep)
        return made

    def score(self, query: Query, wanted: AbstractSet[int]) -> Part | None:
        """Return the block's answer to a query, about the memories of some namespaces; ``None`` for nothing."""
        slots = self._selected(wanted)
        count = self.used if slots is None else len(slots)
        if not count:
            return None
        chosen = slice(0, self.used) if slots is None else slots
        cosines = None if query.vector is None else self._cosines(query.vector, slots)
        return Part(
            self._ids[chosen].copy(),
            self._versions[chosen].copy(),
            cosines,
            self._lengths[chosen].copy(),
            [self._matches(each, slots) for each in query.hashes],
            None if query.vector is None else Vectors(self._matrix, self._ends[: self.used + 1], slots, query.vector),
        )

    def _selected(self, wanted: AbstractSet[int]) -> NDArray[np.intp] | None:
        """Return the live slots of some namespaces; ``None`` for all slots."""
        if self.spaces <= wanted:
            return np.flatnonzero(self._live[: self.used]) if self.dead else None
        here = self.spaces & wanted
        if not here:
            return np.empty(0, np.intp)
        space = self._space[: self.used]
        of_them = (
            space == next(iter(here)) if len(here) == 1 else np.isin(space, np.fromiter(here, np.int64, len(here)))
        )
        return np.flatnonzero(of_them & self._live[: self.used])

    def _cosines(self, vector: NDArray[np.float32], slots: NDArray[np.intp] | None) -> NDArray[np.float32]:
        used = self.used
        ends = self._ends[: used + 1]
        if slots is None or len(slots) * 4 > used:
            first, last = (0, used) if slots is None else (int(slots[0]), int(slots[-1]) + 1)
            found = np.full(last - first, np.nan, np.float32)
            low, high = int(ends[first]), int(ends[last])
            scores = self._matrix[low:high] @ vector
            if self._is_single:
                found = scores
            else:
                starts = ends[first:last] - low
                has = ends[first + 1 : last + 1] > ends[first:last]
                if has.any():
                    found[has] = np.maximum.reduceat(scores, starts[has])
            return found if slots is None else found[slots - first]
        vectors = places_of(self._ends, slots)
        scores = self._matrix[vectors] @ vector
        if self._is_single:
            return scores
        counts = ends[slots + 1] - ends[slots]
        found = np.full(len(slots), np.nan, np.float32)
        has = counts > 0
        if has.any():
            found[has] = np.maximum.reduceat(scores, (np.cumsum(counts) - counts)[has])
        return found

    def _matches(self, word: int, slots: NDArray[np.intp] | None) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        postings = self._sorted_postings()
        bounds = np.array([word << 32, (word << 32) + 0xFFFFFFFF], np.uint64)
        low, high = np.searchsorted(postings, bounds)
        found = postings[low:high]
        places = (found >> _SLOT & _SLOT_MASK).astype(np.intp)
        often = (found & _COUNT_MASK).astype(np.float32)
        if slots is not None:
            at = np.searchsorted(slots, places)
            at[at == len(slots)] = 0
            here = slots[at] == places
            places, often = at[here], often[here]
        return places, often

    def _sorted_postings(self) -> NDArray[np.uint64]:
        if self._later:
            self._postings = np.concatenate([self._postings, *self._later])
            self._postings.sort()
            self._later = []
        return self._postings

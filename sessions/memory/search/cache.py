"""The search cache: a process's copy of the rows it searches, kept fresh by versions.

It never decides which memories exist: a search first compares the versions of the namespaces below its prefix, and
reads the memories that changed since; and each memory that it returns is read again by its id. The cache may forget
anything at any time. It is used from several threads.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sessions.memory.search.block import CAPACITY, Block

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from sessions.memory.search.block import Part, Query
    from sessions.memory.search.rows import IndexRow


class Known(NamedTuple):
    """A namespace in the cache.

    Attributes:
        version: All memories up to this version of the namespace are in the cache.
        removed: All removals up to this version of the namespace are.
    """

    version: int
    removed: int


class SearchCache:
    """The arrays of the namespaces that were searched last.

    Args:
        limit: The most bytes that it keeps.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._dims = 0
        self._made_by: tuple[int, int | None, int] | None = None
        self._generation = 0
        self._lock = threading.Lock()
        self._blocks: list[Block] = []
        self._known: dict[int, Known] = {}  # The least recently used first.
        self.losses = 0
        """How often a namespace was forgotten."""

    @property
    def nbytes(self) -> int:
        """The bytes in use."""
        return sum(block.nbytes for block in self._blocks)

    def prepare(self, settings: int, model: int | None, dims: int) -> int:
        """Forget everything if vectors or words were made in another way, and return a number for `put` and `score`.

        Args:
            settings: The number of the settings by which words are made.
            model: The number of the embedding model.
            dims: The dimensions of its vectors; 0 without a model.
        """
        with self._lock:
            made_by = settings, model, dims
            if made_by != self._made_by:
                self._made_by, self._dims = made_by, dims
                self._generation += 1
                self._blocks, self._known = [], {}
            return self._generation

    def known(self, space: int) -> Known:
        """Return a namespace in the cache."""
        return self._known.get(space, _NOTHING)

    def forget(self, spaces: Iterable[int]) -> None:
        """Forget namespaces: they were erased, or cannot be told apart from others any more."""
        with self._lock:
            self._forget(spaces)

    def put(self, generation: int, rows: Sequence[IndexRow], known: dict[int, Known], keep: AbstractSet[int]) -> bool:
        """Take in rows that were read from the database, and note the state of their namespaces.

        Args:
            generation: The result of `prepare`; if it is another by now, nothing is taken in.
            rows: The rows, of any versions. Memories without words are only taken out.
            known: For each of their namespaces, its state in the cache with these rows.
            keep: The namespaces that are being searched.

        Returns:
            Whether there was room. If not, these namespaces are not in the cache.
        """
        with self._lock:
            if generation != self._generation:
                return True
            # Another search may have read them, too.
            rows = [row for row in rows if row.version > self.known(row.space).version]
            self._kill([row.id for row in rows if row.space in self._known])
            self._add([row for row in rows if row.words is not None])
            for space, one in known.items():
                before = self._known.pop(space, _NOTHING)
                self._known[space] = Known(max(one.version, before.version), max(one.removed, before.removed))
            return self._make_room(keep, set(known))

    def remove(self, space: int, ids: Sequence[int], removed: int) -> None:
        """Take memories of a namespace out that were removed up to a version."""
        with self._lock:
            known = self._known.get(space)
            if known is not None:
                self._kill(ids)
                self._known[space] = Known(known.version, max(removed, known.removed))

    def keep_only(self, space: int, ids: Collection[int], known: Known) -> None:
        """Take memories of a namespace out that were removed: all up to a version, except for some.

        Args:
            space: The namespace.
            ids: The memories that are still there.
            known: The namespace's state in the cache when these were read, with the removals that they are without.
        """
        with self._lock:
            now_known = self._known.get(space)
            if now_known is None:
                return
            kept = np.fromiter(ids, np.int64, len(ids))
            for block in self._blocks:
                block.keep_only(space, kept, known.version)
            self._tidy()
            self._known[space] = Known(now_known.version, max(known.removed, now_known.removed))

    def score(self, generation: int, query: Query, spaces: AbstractSet[int]) -> list[Part] | None:
        """Return the known rows of namespaces; ``None`` if some are not in the cache any more."""
        with self._lock:
            if generation != self._generation or not spaces <= self._known.keys():
                return None
            for space in spaces if len(spaces) < len(self._known) else ():
                self._known[space] = self._known.pop(space)
            return [part for block in self._blocks if (part := block.score(query, spaces)) is not None]

    def _add(self, rows: Sequence[IndexRow]) -> None:
        at = 0
        while at < len(rows):
            if not self._blocks or not self._blocks[-1].room:
                self._blocks.append(Block(self._dims))
            block = self._blocks[-1]
            part = rows[at : at + block.room]
            block.add(part)
            at += len(part)

    def _kill(self, ids: Sequence[int]) -> None:
        if len(ids):
            gone = np.array(ids, np.int64)
            for block in self._blocks:
                block.kill(gone)
            self._tidy()

    def _forget(self, spaces: Iterable[int]) -> None:
        for space in spaces:
            self._mark(space)
        self._tidy()

    def _make_room(self, keep: AbstractSet[int], added: set[int]) -> bool:
        if self.nbytes <= self._limit:
            return True
        for space in [space for space in self._known if space not in keep]:
            self._mark(space)
            if sum(block.live_bytes for block in self._blocks) <= self._limit:
                break
        self._tidy(most_dead=0)
        if self.nbytes <= self._limit:
            return True
        for space in added:
            self._mark(space)
        self._tidy(most_dead=0)
        return False

    def _mark(self, space: int) -> None:
        if self._known.pop(space, None) is not None:
            self.losses += 1
            for block in self._blocks:
                block.forget(space)

    def _tidy(self, most_dead: float = 0.5) -> None:
        """Copy blocks of which more is dead, so that scoring and memory are in proportion to the live rows."""
        if any(block.dead > block.used * most_dead for block in self._blocks):
            compacted = (block.compact() if block.dead > block.used * most_dead else block for block in self._blocks)
            self._blocks = [block for block in compacted if block.used]


def score_beside(rows: Sequence[IndexRow], query: Query, dims: int) -> list[Part]:
    """Return the answer of rows to a query, without keeping them: they are more than the cache may hold."""
    parts = []
    rows = [row for row in rows if row.words is not None]
    for at in range(0, len(rows), CAPACITY):
        block = Block(dims)
        block.add(rows[at : at + CAPACITY])
        part = block.score(query, block.spaces)
        parts += [] if part is None else [part.without_vectors()]
    return parts


_NOTHING = Known(0, 0)

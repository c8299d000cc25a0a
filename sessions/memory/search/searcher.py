"""One search: bring the cache up to date, score, and rank. Nothing here decides which memories exist."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.errors import MissingKeyError
from sessions.memory.sealing import Place
from sessions.memory.search.block import Query
from sessions.memory.search.cache import Known, SearchCache, score_beside
from sessions.memory.search.models import find_model
from sessions.memory.search.ranking import Ranking
from sessions.memory.search.reading import (
    NO_MODEL,
    PAGE,
    Fingerprint,
    GetFingerprint,
    Range,
    Space,
    changed,
    ids_after,
    next_spaces,
    of_spaces,
    removed_since,
    small_groups,
)
from sessions.text_search.rows import hash_of
from sessions.text_search.words import words_of_query
from sessions.waits.blocking import in_thread

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from sessions.db import Backend
    from sessions.embedding.model import EmbeddingModel
    from sessions.memory.sealing import Sealing
    from sessions.memory.search.block import Part
    from sessions.memory.search.ranking import Mode
    from sessions.memory.search.rows import IndexRow

_ROUNDS: Final = 4
"""How often a search is begun again because others took its namespaces out of the cache."""

_BRIEF: Final = 1_000_000
"""Bytes of a cache that is scored at once; a larger one is scored in a thread, as numpy lets others run meanwhile."""

_PREFIXES: Final = 1024
"""Prefixes whose namespaces are remembered."""

_SUBJECT: Final = "memories"

_log = logging.getLogger("sessions")
_reported: Final = set[str]()
"""The names of the models of which this process has logged that they have not embedded all memories."""


class _Asked(NamedTuple):
    """A query, and how the rows are read that it is compared with.

    Attributes:
        query: The query.
        model: The number of the model whose vectors are read.
        dims: Its dimensions; 0 without a model.
        generation: That of the cache, see `SearchCache.prepare`.
    """

    query: Query
    model: int
    dims: int
    generation: int


class _Seen(NamedTuple):
    """The namespaces in a range, as they were at the last look."""

    fingerprint: Fingerprint | None
    spaces: tuple[Space, ...]
    ids: frozenset[int]


_NOTHING: Final = _Seen(None, (), frozenset())


class Searcher:
    """Searches the memories of one database.

    Args:
        backend: The database.
        model: The embedding model; ``None`` to search by words alone.
        limit: The most bytes that the cache keeps.
        sealing: Decrypts rows for search; ``None`` if nothing is encrypted.
    """

    def __init__(
        self, backend: Backend, model: EmbeddingModel | None, limit: int, sealing: Sealing | None = None
    ) -> None:
        self._backend = backend
        self._model = model
        self._sealing = sealing
        self._cache = SearchCache(limit)
        self._looks: dict[Range, _Seen] = {}
        self._caught: dict[Range, tuple[Fingerprint | None, int, int]] = {}
        self._settings = 0
        self._number: int | None = None
        self._has_others = False

    @property
    def nbytes(self) -> int:
        """The bytes of the cache."""
        return self._cache.nbytes

    async def rank(
        self, below: Range, query: str, mode: Mode, *, text_weight: float = 0.5, least: float | None = None
    ) -> Ranking:
        """Return the ranking of the memories of the namespaces in a range.

        Raises:
            EmbeddingError: The embedding model failed.
            StoreError: The database refused.
        """
        parts = await self._parts(below, query, mode)
        rank = partial(Ranking, parts, mode, text_weight, least)
        return await in_thread(rank) if self._is_large else rank()

    async def model_number(self) -> int | None:
        """Return the number of the embedding model; ``None`` without one, or if it has made no vectors here."""
        if self._number is None and self._model is not None:
            self._number = await find_model(self._backend, self._model)
        return self._number

    @property
    def _is_large(self) -> bool:
        return self._cache.nbytes > _BRIEF

    async def _parts(self, below: Range, query: str, mode: Mode) -> list[Part]:
        for _ in range(_ROUNDS):
            seen = await self._look(below)
            asked = await self._asked(query, mode)
            cached, beside = await self._catch_up(below, seen, asked)
            score = partial(self._cache.score, asked.generation, asked.query, cached)
            parts = await in_thread(score) if self._is_large else score()
            if self._has_others and mode != "text":
                self._report_others()
            if parts is not None:
                return parts + beside
        return await self._beside(seen.spaces, asked)

    async def _asked(self, query: str, mode: Mode) -> _Asked:
        number, model = await self.model_number(), self._model
        vector, dims = None, 0
        if number is not None and model is not None:
            vector = await model.query(query) if mode != "text" else None
            dims = model.dims or 0
        hashes: dict[int, None] = {}
        if mode != "vector":
            words = words_of_query(query)
            hashes = dict.fromkeys(hash_of(word) for word in (*words.words, *words.compounds))
        generation = self._cache.prepare(self._settings, number, dims)
        return _Asked(Query(vector, tuple(hashes)), NO_MODEL if number is None else number, dims, generation)

    async def _look(self, below: Range) -> _Seen:
        """Return the namespaces in a range, and forget those that have been erased since the last look."""
        before = self._looks.get(below, _NOTHING)
        found = await self._backend.read(GetFingerprint(below), _SUBJECT)
        if found.settings != self._settings:
            # Vectors or words were made again, without a change of the memories' versions.
            self._settings = found.settings
            self._number = None
            self._has_others = False
        if found == before.fingerprint:
            return before
        spaces: list[Space] = []
        rest: Range | None = below
        while rest is not None:
            # They may have changed since: then the next look finds another fingerprint.
            some, rest = await self._backend.read(partial(next_spaces, below=rest), _SUBJECT)
            spaces += some
        if self._sealing is None and any(space.is_sealed for space in spaces):
            raise MissingKeyError(
                f"{_SUBJECT}: some of the namespaces below the prefix are encrypted, and the store was opened without "
                "a key. Nothing was read. Open it with open_store(…, encryption_key=…)."
            )
        seen = _Seen(found, tuple(spaces), frozenset(space.id for space in spaces))
        self._cache.forget(before.ids - seen.ids)
        self._looks.pop(below, None)
        self._looks[below] = seen
        while len(self._looks) > _PREFIXES:
            self._looks.pop(next(iter(self._looks)), None)
        return seen

    async def _catch_up(self, below: Range, seen: _Seen, asked: _Asked) -> tuple[AbstractSet[int], list[Part]]:
        """Read the changed namespaces.

        Returns:
            The namespaces that are in the cache, and the answers to the query of the others, for which it has no room.
        """
        wanted, spaces = seen.ids, seen.spaces
        caught = seen.fingerprint, asked.generation, self._cache.losses
        if self._caught.get(below) == caught:
            return wanted, []
        known = {space.id: self._cache.known(space.id) for space in spaces}
        stale = [space for space in spaces if _is_behind(known[space.id], space)]
        small = [space for space in stale if not known[space.id].version and space.last <= PAGE]
        without_room: list[Space] = []
        for group in small_groups(small):
            rows = await self._of_spaces(group, asked)
            now_known = {space.id: Known(space.version, space.version) for space in group}
            if not await self._put(asked, rows, now_known, wanted):
                without_room += group
        of_group = {space.id for space in small}
        for space in stale:
            if space.id not in of_group and not await self._catch_up_one(space, asked, wanted):
                without_room.append(space)
        if not without_room:
            self._caught[below] = caught
            while len(self._caught) > _PREFIXES:
                self._caught.pop(next(iter(self._caught)), None)
        return wanted - {space.id for space in without_room}, await self._beside(without_room, asked)

    async def _catch_up_one(self, space: Space, asked: _Asked, wanted: AbstractSet[int]) -> bool:
        """Take a namespace's changes into the cache; return False if it has no room."""
        known = self._cache.known(space.id)
        after = known.version
        if after and known.removed < space.removed:
            await self._remove(space, known)
        while after < space.version:
            rows = await self._changed(space.id, after, asked)
            after = rows[-1].version if len(rows) == PAGE else max(space.version, *(row.version for row in rows), 0)
            if not await self._put(asked, rows, {space.id: Known(after, space.version)}, wanted):
                return False
        return True

    async def _remove(self, space: Space, known: Known) -> None:
        """Take memories out of the cache that were removed from a namespace."""
        gone = await self._backend.read(partial(removed_since, space=space, since=known.removed), _SUBJECT)
        if gone is not None:
            self._cache.remove(space.id, gone, space.version)
            return
        there: set[int] = set()
        after = -1
        while True:
            some = await self._backend.read(partial(ids_after, space=space.id, after=after), _SUBJECT)
            if not some:
                break
            there.update(some)
            after = some[-1]
        self._cache.keep_only(space.id, there, Known(known.version, space.version))

    async def _beside(self, spaces: Sequence[Space], asked: _Asked) -> list[Part]:
        """Return the answers of namespaces to a query, without keeping them in the cache."""
        found: list[Part] = []
        for group in small_groups([space for space in spaces if space.last <= PAGE]):
            found += await in_thread(score_beside, await self._of_spaces(group, asked), asked.query, asked.dims)
        for space in spaces:
            after, more = 0, space.last > PAGE
            while more:
                rows = await self._changed(space.id, after, asked)
                found += await in_thread(score_beside, rows, asked.query, asked.dims)
                after, more = rows[-1].version if rows else 0, len(rows) == PAGE
        return found

    async def _put(
        self, asked: _Asked, rows: Sequence[IndexRow], known: dict[int, Known], wanted: AbstractSet[int]
    ) -> bool:
        put = partial(self._cache.put, asked.generation, rows, known, wanted)
        return await in_thread(put) if len(rows) > 64 else put()  # noqa: PLR2004 - some microseconds

    async def _changed(self, space: int, after: int, asked: _Asked) -> list[IndexRow]:
        sealed = self._sealing is not None
        rows = await self._backend.read(lambda tx: changed(tx, space, after, asked.model, sealed=sealed), _SUBJECT)
        return await self._opened(rows)

    async def _of_spaces(self, group: Sequence[Space], asked: _Asked) -> list[IndexRow]:
        ids, sealed = [space.id for space in group], self._sealing is not None
        rows = await self._backend.read(lambda tx: of_spaces(tx, ids, asked.model, sealed=sealed), _SUBJECT)
        return await self._opened(rows)

    async def _opened(self, rows: list[IndexRow]) -> list[IndexRow]:
        """Return rows in the clear."""
        if (sealing := self._sealing) is not None:
            # For encrypted stores.
            from sessions.crypto.subject import with_keys  # noqa: PLC0415

            rows = [row if row.sealed is None else await with_keys(partial(_open, sealing, row)) for row in rows]
        self._has_others = self._has_others or any(row.words and row.vectors is None for row in rows)
        return rows

    def _report_others(self) -> None:
        """Log once in a process that memories have no embedding by the model, which no result could say."""
        if self._model is None or self._model.name in _reported:
            return
        _reported.add(self._model.name)
        _log.warning(
            "some memories have no embedding by the store's model %r: another model has embedded them, or none has. "
            "Searches by meaning leave them out, and other searches find them by their words only. To embed them, call "
            "store.memories.reembed().",
            self._model.name,
        )


def _open(sealing: Sealing, row: IndexRow) -> IndexRow:
    """Return a row of an encrypted namespace in the clear."""
    sealed = row.sealed
    if sealed is None:
        return row
    if sealed.payload is None:
        if row.words is not None:
            sealing.check_plain(sealed.path)
        return row
    place = Place(sealed.path, row.id, row.version, sealed.created_at, sealed.name)
    known = sealing.open_search(sealed.wrapped_keys, place, sealed.payload)
    return row._replace(vectors=known.vectors if sealed.is_of_model else None, words=known.words, sealed=None)


def _is_behind(known: Known, space: Space) -> bool:
    return known.version < space.version or known.removed < space.removed

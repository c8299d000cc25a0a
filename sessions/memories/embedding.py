"""Embeddings of memories: how many there are, and making them again by another model."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from sessions.clock import now
from sessions.types.memories import Embedded, MemoryStatus
from sessions.validation import check_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessions.memories.hold import Hold
    from sessions.memory.prepared import SearchRow
    from sessions.memory.rows import MemoryRow
    from sessions.memory.search.reading import Range
    from sessions.memory.search.reembedding import ToEmbed


class Embedding:
    """The methods about embeddings."""

    _hold: Hold

    async def status(self) -> MemoryStatus:
        """Count the memories, and their embeddings by model.

        Example: ``waiting = (await store.memories.status()).pending``

        The cost rises with the number of memories.

        Raises:
            EmbeddingError: The store's embedding model failed, when it was asked whether it is still the same.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        from sessions.memory.search.reembedding import count  # noqa: PLC0415 - few programs ask

        hold, at = self._hold, now()
        number = None
        if hold.common.model is not None:
            from sessions.memory.search.models import find_model  # noqa: PLC0415 - as above

            number = await find_model(hold.common.backend, hold.common.model)
        below = self._whole()
        found = await hold.read(lambda tx: count(tx, below, at))
        current = sum(some for (id_, _), some in found.models.items() if id_ == number)
        return MemoryStatus(
            memories=found.memories,
            namespaces=found.namespaces,
            pending=0 if hold.common.model is None else found.searchable - current,
            models={name: some for (_, name), some in found.models.items()},
            cached_bytes=hold.common.cached_bytes,
        )

    async def reembed(self, *, progress: Callable[[Embedded], object] | None = None) -> Embedded:
        """Embed all memories by the store's model that another model has embedded, or none.

        Example: ``done = await store.memories.reembed(progress=print)``

        Opening a store with another model changes nothing: until this is done, memories with embeddings by another
        model are found by their words. It goes on in short transactions, while others put and search; after an
        interruption, call it again: finished parts stay. Of memories without fields of their own, the texts are those
        at the store's `embed_fields`.

        Args:
            progress: Called after each transaction with the result so far.

        Raises:
            EmbeddingError: The embedding model failed; finished transactions stay done.
            DecryptionError: The keys here do not open a namespace's memories.
            UndecodableItemError: A value cannot be read.
            ValueError: The store was opened without an embedding model.
            StoreError: The database refused the operation; finished transactions stay done.
            SessionClosedError: The store has been closed.
        """
        from sessions.memory.search.models import note_model  # noqa: PLC0415 - few programs change their model
        from sessions.memory.search.reembedding import make_current, otherwise_embedded, put_rows  # noqa: PLC0415

        check_progress(progress)
        hold = self._hold
        model = hold.common.model
        if model is None:
            raise ValueError(
                "the store was opened without an embedding model. Nothing was changed. Open it with open_store(…, "
                'embed="local").'
            )
        number = await note_model(hold.common.backend, model)
        done, below, after = Embedded(model.name, 0), self._whole(), 0
        while True:
            read = partial(otherwise_embedded, below=below, now=now(), model=number, after=after)
            page = await hold.read(read)
            if not page:
                break
            made = await self._embedded(page)
            put = await hold.write(partial(put_rows, made=made))
            done = Embedded(model.name, done.memories + put, done.unchanged + len(page) - put)
            after = page[-1].row.id
            if progress is not None:
                progress(done)
        await hold.write(partial(make_current, model=number))
        return done

    async def _embedded(self, page: Sequence[ToEmbed]) -> list[tuple[MemoryRow, SearchRow]]:
        """Return the rows by which search knows memories."""
        from sessions.memory.search.indexing import ToIndex, texts_to_index  # noqa: PLC0415 - as above

        common = self._hold.common
        rows = await self._hold.opened([one.row for one in page])
        to_index = []
        for one, row in zip(page, rows, strict=True):
            places = await places_of(self._hold, one.row, one.places, one.sealed)
            paths = True if places is None else msgspec.json.decode(places, type=list[str])
            texts = texts_to_index(self._hold.parts(row)["value"], paths, common.embed_fields)
            to_index.append(ToIndex(row.path, row.name, *texts))
        found = await common.indexer.index(to_index)
        made = [(one.row, search) for one, search in zip(page, found, strict=True) if search is not None]
        sealing = common.sealing
        if sealing is None:
            return made
        from sessions.memory.sealing import place_of  # noqa: PLC0415 - as above
        from sessions.memory.writing import sealed_row  # noqa: PLC0415 - for encrypted stores

        # The keys are known: the values were opened with them.
        return [
            (
                row,
                search
                if row.wrapped_keys is None
                else sealed_row(sealing.unlock(row.path, row.wrapped_keys), place_of(row), search),
            )
            for row, search in made
        ]

    def _whole(self) -> Range:
        """Return the range of all namespaces of this object."""
        from sessions.memory.search.reading import Range  # noqa: PLC0415 - as above

        below = self._hold.below((), 0)
        return Range(below.low, below.high, below.owner)


async def places_of(hold: Hold, row: MemoryRow, places: bytes | None, sealed: bytes | None) -> bytes | None:
    """Return the paths of a memory's texts, in JSON, if they are its own; `sealed` has them encrypted.

    Raises:
        DecryptionError: The keys here do not open it.
    """
    sealing = hold.common.sealing
    if sealed is None or sealing is None or row.wrapped_keys is None:
        return places
    from sessions.crypto.subject import with_keys  # noqa: PLC0415 - for encrypted stores
    from sessions.memory.sealing import place_of  # noqa: PLC0415 - as above

    known = await with_keys(partial(sealing.open_search, row.wrapped_keys, place_of(row), sealed))
    return known.places

"""What search and filters are to know of memories that are put: made outside of transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sessions.memory.search.indexing import Indexer, ToIndex

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.memories.hold import Common
    from sessions.memory.changes import PreparedPut, SearchRow
    from sessions.memory.settings import Settings


class Indexed(NamedTuple):
    """What is prepared of one put beside its payload.

    Attributes:
        search: What search is to know of it; ``None`` if it is not to find it.
        fields: The values of its declared fields, by the number of the field.
    """

    search: SearchRow | None
    fields: tuple[tuple[int, bytes], ...] = ()


class Indexing:
    """Prepares what search and filters know of memories.

    Args:
        common: What all holds on the memories of a store share.
    """

    def __init__(self, common: Common) -> None:
        self._common = common

    async def prepare(self, prepared: Sequence[PreparedPut], settings: Settings) -> list[Indexed]:
        """Return this of each put, by the settings.

        Raises:
            EmbeddingError: The embedding model failed. Nothing was changed.
        """
        common = self._common
        # An encrypted namespace has no rows in the clear.
        values = common.declared_values(settings) if settings.fields and common.sealing is None else None
        to_index = [ToIndex(one.path, one.name, one.texts, one.places) for one in prepared]
        indexer = Indexer(common.backend, common.model, common.sealing)
        rows = await indexer.index(to_index)
        return [
            Indexed(row, tuple(values.of(one.payload)) if values is not None else ())
            for row, one in zip(rows, prepared, strict=True)
        ]

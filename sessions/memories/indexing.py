"""Rows for search and filters of memories that are put: made outside of transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sessions.memory.search.indexing import ToIndex

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.memories.hold import Hold
    from sessions.memory.prepared import PreparedPut
    from sessions.memory.settings import Settings


async def index(hold: Hold, prepared: Sequence[PreparedPut], settings: Settings) -> list[PreparedPut]:
    """Return puts with their rows for search and filters, by some settings.

    Raises:
        EmbeddingError: The embedding model failed. Nothing was changed.
    """
    common = hold.common
    # An encrypted namespace has no rows in the clear.
    values = common.declared_values(settings) if settings.fields and common.sealing is None else None
    rows = await common.indexer.index([ToIndex(one.path, one.name, one.texts, one.places) for one in prepared])
    return [
        msgspec.structs.replace(one, search=row, fields=() if values is None else tuple(values.of(one.payload)))
        for one, row in zip(prepared, rows, strict=True)
    ]

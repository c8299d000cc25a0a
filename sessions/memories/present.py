"""A memory as `update` finds it: its value, and how it was put."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from sessions.clock import now
from sessions.memories.embedding import places_of
from sessions.memory.read import Get, GetToChange
from sessions.memory.search.indexing import texts_to_index, words_row
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    from sessions.db.transaction import Row
    from sessions.memories.hold import Hold
    from sessions.memory.rows import MemoryRow
    from sessions.validation import Default


class Present(NamedTuple):
    """A memory as it is, and how to put it again. Without any, as a new one is put.

    Attributes:
        version: Its version; 0 if it is missing.
        value: Its value; ``None`` without any.
        ttl: Its life after it is put; ``None`` for ever.
        wanted: Whether search finds it; or the paths of the texts by which it does.
    """

    version: int = 0
    value: Any = None
    ttl: timedelta | Default | None = DEFAULT
    wanted: bool | list[str] = True


async def read_present(hold: Hold, path: str, name: str, owner: str | None) -> Present:
    """Return a memory, or that it is missing.

    Raises:
        OwnerError: The namespace belongs to another owner, or has none and one is given.
        UndecodableItemError: Its value cannot be read.
        DecryptionError: The keys here do not open it.
    """
    found = await hold.read(GetToChange(Get(path, name, now(), owner)))
    if found is None:
        return Present()
    row, (is_searched, *places) = found
    searched = None if is_searched is None else tuple(places)
    (opened,) = await hold.opened([row])
    value = hold.parts(opened)["value"]
    ttl = None if row.ttl is None else timedelta(microseconds=row.ttl)
    return Present(row.version, value, ttl, await wanted_of(hold, row, value, searched))


async def wanted_of(hold: Hold, row: MemoryRow, value: Any, searched: Row | None) -> bool | list[str]:
    """Return whether search finds a memory, or the paths of its own texts, by its row for search."""
    if searched is None:
        # Search does not know it: it was not to be found, unless it has no words that could be.
        texts, _ = texts_to_index(value, True, hold.common.embed_fields)  # noqa: FBT003 - as users write it
        return not words_row(texts)
    places, sealed = (None if one is None else bytes(one) for one in searched)
    own = await places_of(hold, row, places, sealed)
    return True if own is None else msgspec.json.decode(own, type=list[str])

"""Embedding memories again, by another model: in short transactions, beside other callers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from sessions.db.dialect import text_of_key
from sessions.db.ids import owner_of
from sessions.memory.rows import MemoryRow
from sessions.memory.settings import change_settings
from sessions.memory.statements import embedding as statements
from sessions.memory.statements import spaces as space_statements
from sessions.memory.statements.memories import PUT_SEARCH_ROW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.db.transaction import Transaction
    from sessions.memory.prepared import SearchRow
    from sessions.memory.search.reading import Range
    from sessions.memory.settings import Settings

PAGE: Final = 96
"""Memories that are embedded again in one transaction: one call of most models."""


class ToEmbed(NamedTuple):
    """A memory that is to be embedded again.

    Attributes:
        row: The memory.
        places: The paths of its texts, in JSON, if they are its own.
        sealed: Its row for search, encrypted.
    """

    row: MemoryRow
    places: bytes | None
    sealed: bytes | None


class Counts(NamedTuple):
    """The numbers of `Memories.status`.

    Attributes:
        memories: The number of memories.
        namespaces: The number of namespaces with memories.
        searchable: The number of memories that search may find.
        models: The number of memories with vectors, by the number and the name of the model.
    """

    memories: int
    namespaces: int
    searchable: int
    models: dict[tuple[int, str], int]


def count(tx: Transaction, below: Range, now: int) -> Counts:
    """Return the numbers of the memories in a range."""
    memories, spaces = tx.the(statements.COUNTS, now=now, **below.values)
    (searchable,) = tx.the(statements.SEARCHABLE, now=now, **below.values)
    rows = tx.all(statements.MODELS, now=now, **below.values)
    return Counts(memories, spaces, searchable, {(id_, text_of_key(name)): some for id_, name, some in rows})


def otherwise_embedded(tx: Transaction, below: Range, now: int, model: int, after: int) -> list[ToEmbed]:
    """Return the next memories in a range that have no vectors of a model, at most `PAGE`."""
    rows = tx.all(statements.OTHERWISE_EMBEDDED, after=after, now=now, model=model, count=PAGE, **below.values)
    return [
        ToEmbed(
            MemoryRow.of(tuple(row)),
            None if places is None else bytes(places),
            None if sealed is None else bytes(sealed),
        )
        for places, sealed, *row in rows
    ]


def put_rows(tx: Transaction, made: Sequence[tuple[MemoryRow, SearchRow]]) -> int:
    """Put memories' rows for search, unless the memories were changed since; return of how many."""
    done = 0
    # In the order of ids, and so of namespaces, which are locked as by every change.
    by_space: dict[int, list[tuple[MemoryRow, SearchRow]]] = {}
    for row, search in sorted(made, key=lambda one: one[0].id):
        by_space.setdefault(owner_of(row.id), []).append((row, search))
    for space, some in by_space.items():
        if tx.one(space_statements.LOCK_SPACE, space=space) is None:
            continue
        for row, search in some:
            found = tx.one(statements.VERSION_OF, id=row.id)
            if found is not None and found[0] == row.version:
                tx.run(PUT_SEARCH_ROW, memory=row.id, **search._asdict())
                done += 1
    return done


def make_current(tx: Transaction, model: int) -> None:
    """Make a model the current one, and have all processes read the rows for search again."""
    change_settings(tx, lambda settings: _with(settings, None))
    change_settings(tx, lambda settings: _with(settings, model))


def _with(settings: Settings, model: int | None) -> Settings:
    return msgspec.structs.replace(settings, embedder=model)

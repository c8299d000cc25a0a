"""Reading memories for an export, page by page, each in a transaction of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.db.lists import parts
from sessions.labels import as_stored
from sessions.memory.listing import Place
from sessions.memory.rows import MemoryRow
from sessions.memory.statements import exporting as statements
from sessions.memory.statements import listing
from sessions.memory.statements.memories import IDS_AT_ONCE

if TYPE_CHECKING:
    from sessions.db.transaction import Row, Transaction

PAGE: Final = 100
"""Memories that are read together."""

_SPACES: Final = 64


class Owners(NamedTuple):
    """Whose memories are wanted.

    Attributes:
        low: The first owner, as `labels.py` writes it.
        high: The first one behind the last.
        any_owner: 1 for all, with or without an owner.
    """

    low: str = ""
    high: str = ""
    any_owner: int = 1


class Exported(NamedTuple):
    """A memory, and its row for search: places and encrypted bytes, or ``None`` if it knows nothing."""

    row: MemoryRow
    searched: Row | None


class Page(NamedTuple):
    """Some memories.

    Attributes:
        memories: In the order of namespaces and keys.
        after: The place behind which the next page begins; ``None`` if this was the last.
    """

    memories: list[Exported]
    after: Place | None


def encrypted_space(tx: Transaction, owners: Owners) -> str | None:
    """Return the path of an encrypted namespace with memories, if there is one."""
    row = tx.one(statements.AN_ENCRYPTED_SPACE, **owners._asdict())
    return None if row is None else as_stored(row[0])


def read_page(tx: Transaction, owners: Owners, after: Place | None, now: int) -> Page:
    """Read the next memories behind a place."""
    rows: list[MemoryRow] = []
    path, is_last = "", False
    if after is not None:
        path = after.path
        space = tx.one(listing.THE_SPACE, path=path)
        rows += [] if space is None else _of_space(tx, space, after.name, now, PAGE)
    while len(rows) < PAGE and not is_last:
        spaces = tx.all(statements.NEXT_SPACES, after=path, count=_SPACES, **owners._asdict())
        is_last = len(spaces) < _SPACES
        for space in spaces:
            rows += _of_space(tx, space, "", now, PAGE - len(rows))
            path = as_stored(space[1])
            if len(rows) == PAGE:
                is_last = False
                break
    known = _searched(tx, [row.id for row in rows])
    found = [Exported(row, known.get(row.id)) for row in rows]
    return Page(found, None if is_last or not rows else Place(rows[-1].path, rows[-1].name))


def _of_space(tx: Transaction, space: Row, after: str, now: int, count: int) -> list[MemoryRow]:
    number, *columns = space
    found = tx.all(listing.next_memories(), space=number, after=after, now=now, count=count)
    return [MemoryRow.of((*columns, *row)) for row in found]


def _searched(tx: Transaction, ids: list[int]) -> dict[int, Row]:
    return {
        memory: tuple(rest)
        for values in parts("m", IDS_AT_ONCE, ids)
        for memory, *rest in tx.all(statements.SEARCHED, **values)
    }

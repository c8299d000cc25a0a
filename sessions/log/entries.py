"""Ranges of a branch's entries, decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions.log import statements
from sessions.log.branch import position_of

if TYPE_CHECKING:
    from sessions.log.branch import Stretch
    from sessions.log.reader import Reader
    from sessions.log.transaction import Row, Statement, Transaction


UNREADABLE: Final = object()
"""In place of an item that could not be decoded."""


class StoredEntry(NamedTuple):
    """An entry with its item, or `UNREADABLE`; times are microseconds since 1970, UTC."""

    position: int
    turn: int
    kind: str
    tool_name: str | None
    author: str | None
    created_at: int
    expires_at: int | None
    item: Any


def read_entries(
    tx: Transaction,
    reader: Reader,
    stretches: list[Stretch],
    positions: tuple[int, int],
    statement: Statement = statements.ENTRIES_FORWARD,
) -> tuple[list[StoredEntry], list[int]]:
    """Return the entries of a lineage between two positions, without the first and with the second, oldest first.

    Returns:
        The entries, and the positions of those that could not be decoded.

    Raises:
        DecryptionError: A payload is not what was stored there.
    """
    found = read_all_entries(tx, reader, stretches, positions, statement)
    readable = [entry for entry in found if entry.item is not UNREADABLE]
    return readable, [entry.position for entry in found if entry.item is UNREADABLE]


def readable_items(entries: list[StoredEntry]) -> tuple[list[Any], list[int]]:
    """Return the items of entries, and the positions of those that could not be decoded."""
    items = [entry.item for entry in entries if entry.item is not UNREADABLE]
    return items, [entry.position for entry in entries if entry.item is UNREADABLE]


def read_all_entries(
    tx: Transaction,
    reader: Reader,
    stretches: list[Stretch],
    positions: tuple[int, int],
    statement: Statement = statements.ENTRIES_FORWARD,
) -> list[StoredEntry]:
    """Return the same in one list, with `UNREADABLE` where an item could not be decoded."""
    low, high = positions
    entries: list[StoredEntry] = []
    for stretch in reversed(stretches):
        first, last = max(low, stretch.low), min(high, stretch.high)
        if first < last:
            rows = tx.all(statement, **stretch.ids(first, last), **reader.visible)
            entries += [_stored_entry(row, reader) for row in rows]
    return entries


def _stored_entry(row: Row, reader: Reader) -> StoredEntry:
    try:
        item = reader.open(row)
    except ValueError:
        item = UNREADABLE
    entry, _, turn, kind, _, author, created_at, expires_at, *_ = row
    return StoredEntry(position_of(entry), turn, kind, reader.tool_name(row), author, created_at, expires_at, item)

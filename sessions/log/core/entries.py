"""Ranges of a branch's entries, decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sessions.db.ids import position_of
from sessions.log.core.entry_ids import EntryId
from sessions.log.core.heads import EVERYTHING, MAIN, find_head, lineage
from sessions.log.core.item_keys import keys_of
from sessions.log.core.reader import UNREADABLE
from sessions.log.statements import entries as entry_statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessions.db.transaction import Row, Statement, Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.heads import Head, Stretch
    from sessions.log.core.reader import Reader


class StoredEntry(NamedTuple):
    """An entry with its item, or `UNREADABLE`; times are microseconds since 1970, UTC.

    `parent` is the id of the entry before it, and `key` its item's key; only `read_entry_page` and `read_entry` fill
    them in.
    """

    id: EntryId
    position: int
    turn: int
    kind: str
    tool_name: str | None
    author: str | None
    created_at: int
    expires_at: int | None
    item: Any
    parent: EntryId | None = None
    key: str | None = None


def read_entries(
    tx: Transaction,
    reader: Reader,
    stretches: list[Stretch],
    positions: tuple[int, int],
    statement: Statement = entry_statements.ENTRIES_FORWARD,
) -> tuple[list[StoredEntry], list[int]]:
    """Return the items of a lineage after one position and up to another, oldest first.

    Returns:
        The entries, and the positions of those that could not be decoded.

    Raises:
        DecryptionError: A payload was altered.
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
    statement: Statement = entry_statements.ENTRIES_FORWARD,
) -> list[StoredEntry]:
    """Return the same in one list, with `UNREADABLE` where an item could not be decoded."""
    low, high = positions
    entries: list[StoredEntry] = []
    for stretch in reversed(stretches):
        first, last = max(low, stretch.low), min(high, stretch.high)
        if first < last:
            rows = tx.all(statement, **stretch.ids(first, last), **reader.visible)
            entries += [stored_entry(row, reader) for row in rows]
    return entries


def stored_entry(row: Row, reader: Reader) -> StoredEntry:
    """Return the entry of a row of all columns.

    Raises:
        DecryptionError: The payload was altered.
    """
    tool_name, payload = reader.open_with_name(row)
    item = reader.decode_or_unreadable(payload)
    entry, version, turn, kind, _, author, created_at, expires_at, *_ = row
    id_ = EntryId(entry, version)
    return StoredEntry(id_, position_of(entry), turn, kind, tool_name, author, created_at, expires_at, item)


def read_entry_page(
    tx: Transaction,
    conversation: Conversation,
    branch: str | None,
    positions: tuple[int, int | None],
    limit: int | None,
    *,
    backward: bool,
) -> tuple[list[StoredEntry], list[int], str]:
    """Return a branch's entries, marks too, between two positions, without either, oldest first: up to `limit` of them.

    Those are the last ones or, if not `backward`, the first ones. Undecodable entries do not count.

    Returns:
        The entries, the positions of those that could not be decoded, and the branch's name.

    Raises:
        UnknownBranchError: The session has no such branch.
        DecryptionError: A payload was altered.
    """
    head = find_head(tx, conversation, branch)
    if head is None:
        return [], [], MAIN
    low, before = positions
    high = head.tip if before is None else min(head.tip, before - 1)
    stretches = lineage(tx, head)
    limit = EVERYTHING if limit is None else limit
    found: list[StoredEntry] = []
    readable = 0
    statement = entry_statements.ENTRIES_BACKWARD if backward else entry_statements.ENTRIES_FORWARD_SOME
    for stretch in stretches if backward else reversed(stretches):
        ids = stretch.ids(max(low, stretch.low), min(high, stretch.high))
        while ids["low"] < ids["high"] and (count := limit - readable):
            rows = tx.all(statement, count=count, **ids, **head.reader.visible)
            page = [stored_entry(row, head.reader) for row in rows]
            found += page
            readable += sum(entry.item is not UNREADABLE for entry in page)
            if len(rows) < count:
                break
            ids |= {"high": rows[-1][0] - 1} if backward else {"low": rows[-1][0]}
    if backward:
        found.reverse()
    unreadable = [entry.position for entry in found if entry.item is UNREADABLE]
    return (
        [entry for entry in _completed(tx, head, stretches, found) if entry.item is not UNREADABLE],
        unreadable,
        head.branch,
    )


def _completed(
    tx: Transaction, head: Head, stretches: list[Stretch], entries: list[StoredEntry]
) -> Iterator[StoredEntry]:
    """Yield consecutive entries of a branch with their keys and the ids of those before them, readable or not."""
    parent = _last_before(tx, head, stretches, entries[0].position) if entries else None
    keys = keys_of(tx, head, (entry.id.entry for entry in entries))
    for entry in entries:
        key = keys.get(entry.id.entry)
        yield entry._replace(parent=parent, key=key and key.key)
        parent = entry.id


def _last_before(tx: Transaction, head: Head, stretches: list[Stretch], position: int) -> EntryId | None:
    """Return the id of the last entry of a branch before a position."""
    for stretch in stretches:
        ids = stretch.ids(high=min(position - 1, stretch.high))
        row = tx.one(entry_statements.BEFORE, **ids, **head.reader.visible) if ids["low"] < ids["high"] else None
        if row is not None:
            return EntryId(*row)
    return None

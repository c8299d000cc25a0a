"""Ranges of a branch's entries, decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sessions.log import statements
from sessions.log.branch import position_of

if TYPE_CHECKING:
    from sessions.log.branch import Stretch
    from sessions.log.conversation import Decoder
    from sessions.log.transaction import Statement, Transaction


class StoredEntry(NamedTuple):
    """An entry with its item; times are microseconds since 1970, UTC."""

    position: int
    turn: int
    kind: str
    tool_name: str | None
    author: str | None
    created_at: int
    item: Any


def read_entries(
    tx: Transaction,
    decoder: Decoder,
    stretches: list[Stretch],
    positions: tuple[int, int],
    statement: Statement = statements.ENTRIES_FORWARD,
) -> tuple[list[StoredEntry], list[int]]:
    """Return the entries of a lineage between two positions, without the first and with the second, oldest first.

    Returns:
        The entries, and the positions of those that could not be decoded.
    """
    low, high = positions
    entries: list[StoredEntry] = []
    undecodable: list[int] = []
    for stretch in reversed(stretches):
        first, last = max(low, stretch.low), min(high, stretch.high)
        if first >= last:
            continue
        for entry, turn, kind, tool_name, author, created_at, payload in tx.all(statement, **stretch.ids(first, last)):
            position = position_of(entry)
            try:
                item = decoder.decode(payload)
            except ValueError:
                undecodable.append(position)
            else:
                entries.append(StoredEntry(position, turn, kind, tool_name, author, created_at, item))
    return entries, undecodable

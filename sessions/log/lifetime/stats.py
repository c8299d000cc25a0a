"""The numbers of a store: its sessions, their entries, and their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.clock import as_near_time
from sessions.db.size import size_of
from sessions.log.schema import LOG
from sessions.log.statements import stats as statements
from sessions.types.info import StoreStats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.db.component import Component
    from sessions.db.transaction import Transaction

_COUNTS: Final = {
    "branches": statements.COUNT_BRANCHES,
    "entries": statements.COUNT_ENTRIES,
    "usage": statements.COUNT_USAGE,
}


def read_stats(tx: Transaction, others: Sequence[Component] = ()) -> StoreStats:
    """Count everything, as of one moment. It looks at each row.

    Args:
        tx: A transaction.
        others: The components beside conversations whose tables are there.
    """
    sessions, archived, encrypted, created, updated = tx.the(statements.COUNT_SESSIONS)
    counts = {name: int(tx.the(statement)[0]) for name, statement in _COUNTS.items()}
    for one in others:
        if one.counts is not None:
            counts |= one.counts(tx)
    return StoreStats(
        sessions=int(sessions),
        archived=int(archived or 0),
        encrypted=int(encrypted),
        **counts,
        bytes=size_of(tx, [LOG, *(one.schema for one in others)]),
        created_at=None if created is None else as_near_time(created),
        updated_at=None if updated is None else as_near_time(updated),
    )

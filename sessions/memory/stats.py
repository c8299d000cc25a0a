"""The numbers of all memories of a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.clock import now
from sessions.memory.paths import ALL
from sessions.memory.statements.embedding import COUNTS

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction


def count_all(tx: Transaction) -> dict[str, int]:
    """Return the number of memories that have not expired, and that of namespaces with some."""
    low, high = ALL
    memories, namespaces = tx.the(COUNTS, low=low, high=high, any_owner=1, owner=None, now=now())
    return {"memories": int(memories), "namespaces": int(namespaces)}

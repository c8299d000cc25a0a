"""The numbers of all memories of a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.db.dialect import SQLITE
from sessions.db.size import size_of
from sessions.memory.paths import ALL
from sessions.memory.schema import MEMORY
from sessions.memory.statements.embedding import COUNTS

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction


def count_all(tx: Transaction, now: int) -> tuple[int, int, int]:
    """Return the number of memories, that of namespaces with some, and the bytes of their tables on a server."""
    low, high = ALL
    memories, namespaces = tx.the(COUNTS, low=low, high=high, any_owner=1, owner=None, now=now)
    # A SQLite file is counted with the conversations.
    return int(memories), int(namespaces), 0 if tx.database == SQLITE else size_of(tx, MEMORY)

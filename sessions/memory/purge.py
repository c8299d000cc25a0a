"""Purging: the physical removal of memories that have expired. No reader sees them anyway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.clock import now
from sessions.db.dialect import text_of_key
from sessions.db.lists import parts
from sessions.memory.locking import LockedSpace
from sessions.memory.statements import purging as statements
from sessions.memory.statements import spaces as space_statements
from sessions.memory.statements.memories import AT_ONCE
from sessions.memory.writing import Writing, move

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction


def purge(tx: Transaction, count: int, *, waits: bool = True) -> tuple[int, bool]:
    """Remove up to `count` memories that have expired, by the writer's time and the database's, of any namespaces.

    Args:
        tx: A transaction.
        count: The number of memories at most.
        waits: Whether to wait for namespaces and memories that others have locked; else these are left out.

    Returns:
        How many were removed, and whether there may be more.
    """
    at = now()
    found = tx.all(statements.EXPIRED, now=at, count=count)
    spaces: dict[int, list[int]] = {}
    for space, memory in found:
        spaces.setdefault(space, []).append(memory)
    writing = Writing(tx, at)
    removed = 0
    lock = space_statements.LOCK_SPACE if waits else space_statements.LOCK_FREE_SPACE
    lock_expired = statements.LOCK_EXPIRED if waits else statements.LOCK_FREE_EXPIRED
    for number, memories in sorted(spaces.items()):
        row = tx.one(lock, space=number)
        if row is None:
            continue
        space = LockedSpace.of(row)
        # Some may have been put or refreshed since they were found, or are being refreshed.
        for values in parts("m", AT_ONCE, memories):
            for memory, name in tx.all(lock_expired, now=at, **values):
                writing.remove(space, memory, text_of_key(name), "expired")
                removed += 1
        move(tx, [space], at)
    writing.finish()
    return removed, len(found) == count and removed > 0


def purge_some(tx: Transaction, count: int) -> bool:
    """Do so beside another change, without waiting; tell whether there may be more."""
    return purge(tx, count, waits=False)[1]

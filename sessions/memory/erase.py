"""Erasing namespaces: their memories in short transactions, and each namespace's own row with its last ones."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.db.component import OwnersPart
from sessions.db.ids import ids_of
from sessions.memory.statements import erasing as statements
from sessions.memory.statements import spaces as space_statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sessions.db.component import OwnersErased
    from sessions.db.transaction import Transaction

MEMORIES: Final = 500
"""Memories removed in one transaction, at most, so that other writers wait for milliseconds."""

SPACES: Final = 64
"""Namespaces removed in one transaction, at most."""


class ErasedPart(NamedTuple):
    """What one transaction removed.

    Attributes:
        rows: How many rows, by table.
        more: Whether there may be more.
    """

    rows: Mapping[str, int]
    more: bool


def erase_below(tx: Transaction, low: str, high: str, now: int) -> ErasedPart:
    """Remove up to `MEMORIES` memories of the namespaces in a range of paths, and those namespaces that are then empty.

    It needs no key.
    """
    found = [space for (space,) in tx.all(space_statements.BELOW, low=low, high=high, count=SPACES)]
    return _erase(tx, found, now)


def erase_owners(tx: Transaction, owners: OwnersErased, count: int) -> OwnersPart:
    """Do the same with the namespaces of some owners."""
    del count
    whose = {"low": owners.low, "high": owners.high}
    found = [space for (space,) in tx.all(space_statements.OF_OWNERS, count=SPACES, **whose)]
    part = _erase(tx, found, owners.now, whose)
    return OwnersPart(part.rows, more=part.more)


def _erase(tx: Transaction, found: Iterable[int], now: int, whose: Mapping[str, str] | None = None) -> ErasedPart:
    """Remove memories of some namespaces, unless their owners are others by now."""
    rows: Counter[str] = Counter()
    spaces = sorted(found)
    for space in spaces:
        if rows["memories"] >= MEMORIES:
            return ErasedPart(rows, more=True)
        locked = tx.one(space_statements.LOCK_SPACE, space=space)
        if locked is None or (whose and tx.one(space_statements.IS_OF_OWNERS, space=space, **whose) is None):
            continue  # Another process was first, or it has become another owner's.
        _, version, last, _, _, _, marks = locked
        low, high = ids_of(space)
        ids = tx.all(statements.SOME_MEMORIES, low=low, high=high, count=MEMORIES - rows["memories"])
        is_whole = len(ids) < MEMORIES - rows["memories"]
        rows += _remove_rows(tx, low, high if is_whole else ids[-1][0])
        if not is_whole:
            gone = int(version) + 1
            values = {"version": gone, "removed": gone, "last": last, "marks": marks, "now": now}
            tx.run(space_statements.MOVE_SPACE, space=space, **values)
            return ErasedPart(rows, more=True)
        rows["removals"] += int(tx.the(statements.COUNT_REMOVALS, space=space)[0])
        tx.run(statements.DELETE_REMOVALS, space=space)
        tx.run(space_statements.RAISE_FLOOR, version=version)
        tx.run(space_statements.DELETE_SPACE, space=space)
        rows["spaces"] += 1
    return ErasedPart(rows, more=len(spaces) == SPACES)


def _remove_rows(tx: Transaction, low: int, high: int) -> Counter[str]:
    """Remove the memories with ids in a range, and all rows about them; return how many there were, by table."""
    ids = {"low": low, "high": high}
    counts = {
        "memories": statements.COUNT_MEMORIES,
        "search_rows": statements.COUNT_SEARCH_ROWS,
        "field_values": statements.COUNT_FIELD_VALUES,
    }
    rows = Counter({table: int(tx.the(statement, **ids)[0]) for table, statement in counts.items()})
    for statement in (
        statements.DELETE_SEARCH_ROWS,
        statements.DELETE_FIELD_VALUES,
        statements.DELETE_MEMORIES,
    ):
        tx.run(statement, **ids)
    return rows

"""Erasing namespaces: their memories in short transactions, and each namespace's own row with its last ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.db.component import ErasedSubject, OwnersPart
from sessions.db.ids import ids_of
from sessions.db.lists import parts
from sessions.memory.locking import lock_numbers
from sessions.memory.sealing import subject_of
from sessions.memory.statements import erasing as statements
from sessions.memory.statements import spaces as space_statements
from sessions.memory.writing import move

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sessions.db.component import OwnersErased
    from sessions.db.transaction import Transaction
    from sessions.memory.locking import LockedSpace

MEMORIES: Final = 500
"""Memories removed in one transaction, at most, so that other writers wait for milliseconds."""

SPACES: Final = space_statements.AT_ONCE
"""Namespaces removed in one transaction, at most."""


class ErasedPart(NamedTuple):
    """The rows that one transaction removed.

    Attributes:
        rows: How many rows, by table.
        more: Whether there may be more.
        sealed: The paths of the encrypted namespaces that are gone.
    """

    rows: Mapping[str, int]
    more: bool
    sealed: Sequence[str] = ()


def erase_below(tx: Transaction, low: str, high: str, now: int, owner: str | None = None) -> ErasedPart:
    """Remove up to `MEMORIES` memories of the namespaces in a range of paths, and those namespaces that are then empty.

    It needs no key. With an owner, only that one's namespaces go.
    """
    whose = {} if owner is None else {"owner": owner}
    statement = space_statements.below(owned=owner is not None)
    found = [space for (space,) in tx.all(statement, low=low, high=high, count=SPACES, **whose)]
    return _erase(tx, found, now, {"low": owner, "high": f"{owner}\x01"} if owner is not None else None)


def erase_owners(tx: Transaction, owners: OwnersErased, count: int) -> OwnersPart:
    """Do the same with the namespaces of some owners."""
    del count
    whose = {"low": owners.low, "high": owners.high}
    found = [space for (space,) in tx.all(space_statements.OF_OWNERS, count=SPACES, **whose)]
    part = _erase(tx, found, owners.now, whose)
    return OwnersPart(part.rows, [ErasedSubject(subject_of(path)) for path in part.sealed], more=part.more)


def _erase(tx: Transaction, found: Sequence[int], now: int, whose: Mapping[str, str] | None = None) -> ErasedPart:
    """Remove memories of some namespaces, unless their owners are others by now."""
    locked = lock_numbers(tx, found)
    if whose and locked:
        (values,) = parts("s", SPACES, [space.id for space in locked])
        theirs = {space for (space,) in tx.all(space_statements.SOME_OF_OWNERS, **values, **whose)}
        locked = [space for space in locked if space.id in theirs]
    if not locked:
        return ErasedPart({}, more=len(found) == SPACES)
    (values,) = parts("s", SPACES, [space.id for space in locked])
    sizes: dict[int, int] = dict(tx.all(statements.SIZES, **values))
    whole: list[LockedSpace] = []
    room = MEMORIES
    for space in locked:
        room -= sizes.get(space.id, 0)
        if room < 0:
            break
        whole.append(space)
    rows = _remove_spaces(tx, whole) if whole else _remove_some(tx, locked[0], now)
    sealed = [space.path for space in whole if space.wrapped_keys is not None]
    return ErasedPart(rows, more=len(found) == SPACES or len(whole) < len(locked), sealed=sealed)


def _remove_spaces(tx: Transaction, spaces: Sequence[LockedSpace]) -> dict[str, int]:
    """Remove namespaces with all rows about them; return how many there were, by table."""
    (values,) = parts("s", SPACES, [space.id for space in spaces])
    counts = tx.the(statements.COUNTS_IN_SPACES, **values)
    ranges = [ids_of(space.id) for space in spaces]
    numbers = [(space.id,) for space in spaces]
    _remove_ranges(tx, ranges)
    tx.many(statements.DELETE_REMOVALS, numbers)
    tx.run(space_statements.RAISE_FLOOR, version=max(space.version for space in spaces))
    tx.many(space_statements.DELETE_SPACE, numbers)
    return _counted(*counts) | {"spaces": len(spaces)}


def _remove_some(tx: Transaction, space: LockedSpace, now: int) -> dict[str, int]:
    """Remove the first memories of a namespace that has too many for one transaction."""
    low, high = ids_of(space.id)
    *_, (last,) = tx.all(statements.SOME_MEMORIES, low=low, high=high, count=MEMORIES)
    counts = tx.the(statements.COUNTS_IN_RANGE, low=low, high=last)
    _remove_ranges(tx, [(low, last)])
    space.version += 1
    space.removed = space.version
    move(tx, [space], now)
    return _counted(*counts)


def _remove_ranges(tx: Transaction, ranges: Sequence[tuple[int, int]]) -> None:
    """Remove the memories with ids in some ranges, and all rows about them."""
    for statement in (statements.DELETE_SEARCH_ROWS, statements.DELETE_FIELD_VALUES, statements.DELETE_MEMORIES):
        tx.many(statement, ranges)


def _counted(memories: int, search_rows: int, field_values: int, removals: int = 0) -> dict[str, int]:
    counts = {"memories": memories, "search_rows": search_rows, "field_values": field_values, "removals": removals}
    return {table: int(count) for table, count in counts.items()}

"""Locking namespaces for a change: their rows, in one order for all callers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from sessions.db.dialect import MARIADB
from sessions.db.ids import check_number
from sessions.db.lists import parts
from sessions.errors import OwnerError, StoreBusyError
from sessions.labels import as_stored
from sessions.memory.paths import labels_of
from sessions.memory.schema import MAX_SPACE
from sessions.memory.statements import spaces as statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sessions.db.transaction import Row, Transaction

_TRIES: Final = 16
"""How often a namespace is made, or looked for, that others remove again and again."""


class LockedSpace(msgspec.Struct):
    """A namespace's row, locked by this transaction.

    Attributes:
        path: Its path.
        id: Its number.
        version: The version, which each change raises.
        last: The last number that was given to a memory.
        removed: The version of the last removal.
        owner: Its owner, as it is stored.
        wrapped_keys: Its data keys, wrapped; ``None`` if it has none.
        marks: The marks of the last commands; see `memory/marks.py`.
        number: The number of the store's settings now.
    """

    path: str
    id: int
    version: int
    last: int
    removed: int
    owner: str | None
    wrapped_keys: bytes | None
    marks: bytes
    number: int

    @classmethod
    def of(cls, row: Row) -> LockedSpace:
        """Return a namespace of a row of `LOCK_SPACE`."""
        path, space, version, last, removed, owner, wrapped_keys, marks, number, floor = row
        return cls(
            as_stored(path),
            space,
            # A new one goes on behind the versions of all that were removed, so that none comes again.
            version if last else floor,
            last,
            removed,
            None if owner is None else as_stored(owner),
            None if wrapped_keys is None else bytes(wrapped_keys),
            b"" if marks is None else bytes(marks),
            number,
        )


def lock_spaces(
    tx: Transaction, owners: Mapping[str, str | None], makes: Iterable[str], now: int
) -> dict[str, LockedSpace]:
    """Lock namespaces for a change; return those that are there, by their paths.

    New ones are made first, in the order of their paths; then all are locked, in the order of their numbers. So no two
    callers wait each for the other.

    Args:
        tx: A transaction.
        owners: The paths, each with the owner that the namespace must have, or ``None`` for any.
        makes: The paths of those that are made if they are missing.
        now: The time, in microseconds since 1970, UTC.

    Raises:
        OwnerError: A namespace belongs to another owner, or has none and is wanted by one.
        StoreFullError: The numbers of namespaces are used up.
    """
    to_make = set(makes)
    made: list[str] = []
    for _ in range(_TRIES):
        spaces, new = _lock(tx, list(owners), to_make)
        if not new:
            break
        tx.many(statements.NEW_SPACE, ((path, owners[path], now, now) for path in new))
        made = new
    else:
        raise StoreBusyError("others remove these namespaces again and again. Nothing was changed. Try again.")
    if made:
        check_number(max(space.id for space in spaces), subject_of(made[0]), "namespaces", most=MAX_SPACE)
    if tx.database == MARIADB and to_make and spaces:
        row = tx.one(statements.SETTINGS_NUMBER)
        spaces = [msgspec.structs.replace(space, number=0 if row is None else row[0]) for space in spaces]
    locked = {space.path: space for space in spaces}
    for path, space in locked.items():
        check_owner(path, owners[path], space.owner)
    return locked


def lock_numbers(tx: Transaction, numbers: Iterable[int]) -> list[LockedSpace]:
    """Lock namespaces by their numbers, in the order of these; those that were removed are left out."""
    ordered = sorted(numbers)
    if len(ordered) == 1:
        row = tx.one(statements.LOCK_SPACE, space=ordered[0])
        return [] if row is None else [LockedSpace.of(row)]
    return [
        LockedSpace.of(row)
        for values in parts("s", statements.AT_ONCE, ordered)
        for row in tx.all(statements.LOCK_SPACES, **values)
    ]


def _lock(tx: Transaction, paths: Sequence[str], to_make: set[str]) -> tuple[list[LockedSpace], list[str]]:
    """Return the namespaces that are there, locked; and the paths of those to be made, before which none is locked."""
    if len(paths) == 1:
        row = tx.one(statements.LOCK_PATH, path=paths[0])
        spaces = [] if row is None else [LockedSpace.of(row)]
    else:
        found = {
            as_stored(path): space
            for values in parts("p", statements.AT_ONCE, paths)
            for path, space in tx.all(statements.SPACES_OF, **values)
        }
        if missing := to_make - found.keys():
            return [], sorted(missing)
        spaces = lock_numbers(tx, found.values())
    return spaces, sorted(to_make.difference(space.path for space in spaces))


def check_owner(path: str, wanted: str | None, owner: str | bytes | None) -> None:
    """Go on if a namespace has the owner that a caller wants, if it wants one.

    Raises:
        OwnerError: It has another one, or none.
    """
    if wanted is None or (owner is not None and as_stored(owner) == wanted):
        return
    belongs = "has no owner, but was used for one" if owner is None else "belongs to another owner"
    raise OwnerError(
        f"{subject_of(path)} {belongs}. Nothing was read or written. Use another namespace, or use it for its own "
        "owner."
    )


def subject_of(path: str) -> str:
    """Return how errors call a namespace."""
    return f"namespace {labels_of(path)!r}"

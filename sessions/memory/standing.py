"""The memories that stand under some keys already, before they are changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sessions.db.dialect import text_of_key
from sessions.db.lists import parts
from sessions.memory.statements import memories as statements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sessions.db.transaction import Transaction
    from sessions.memory.locking import LockedSpace


class Standing(NamedTuple):
    """A memory that stands under a key, live or expired."""

    id: int
    version: int
    created_at: int
    is_live: bool


def find_standing(
    tx: Transaction, spaces: Mapping[str, LockedSpace], names: Mapping[str, Sequence[str]], now: int
) -> dict[tuple[str, str], Standing]:
    """Return the memories that stand under some keys of locked namespaces, by their paths and keys."""
    # A new namespace has none.
    wanted = [(spaces[path], name) for path, some in names.items() if path in spaces for name in some]
    wanted = [(space, name) for space, name in wanted if space.last]
    if len(wanted) == 1:
        ((space, name),) = wanted
        rows = tx.all(statements.STANDING, space=space.id, name=name)
    else:
        rows = [
            row
            for first in range(0, len(wanted), statements.AT_ONCE)
            for row in tx.all(statements.SOME_STANDING, **_filled(wanted[first : first + statements.AT_ONCE]))
        ]
    paths = {space.id: path for path, space in spaces.items()}
    return {
        (paths[space], text_of_key(name)): Standing(memory, version, created_at, expires_at is None or expires_at > now)
        for space, name, memory, version, created_at, expires_at in rows
    }


def _filled(wanted: Sequence[tuple[LockedSpace, str]]) -> dict[str, int | str]:
    (spaces,) = parts("s", statements.AT_ONCE, [space.id for space, _ in wanted])
    (names,) = parts("n", statements.AT_ONCE, [name for _, name in wanted])
    return {**spaces, **names}

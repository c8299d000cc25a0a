"""Reading the rows that a search needs, in parts of a few milliseconds: between two, other readers have their turn."""

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from sessions.db.command import SingleRead
from sessions.db.dialect import text_of_key
from sessions.db.ids import ids_of
from sessions.db.lists import parts
from sessions.labels import as_stored
from sessions.memory.search.rows import IndexRow, Sealed
from sessions.memory.statements import searching as statements
from sessions.memory.writing import REMOVALS_KEPT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sessions.db.transaction import Row, Statement, Transaction

PAGE: Final = 512
"""Memories in a part, at most: with 1,536 dimensions, they are 1.6 MB."""

_SPACES: Final = 4096
"""Namespaces in a part, at most."""

_IDS: Final = 4096
"""Ids in a part, at most."""

NO_MODEL: Final = -1
"""In place of an embedding model's number: no vectors are read."""


class Fingerprint(NamedTuple):
    """Tells whether anything changed below a prefix; see `statements.FINGERPRINT`."""

    settings: int
    spaces: int
    ids: int
    versions: int


class Space(NamedTuple):
    """A namespace, as a search sees it.

    Attributes:
        id: Its internal id.
        version: Its version.
        removed: The version of its last removal.
        last: The last number given to one of its memories: it has no more memories than that.
        is_sealed: Whether it is encrypted.
    """

    id: int
    version: int
    removed: int
    last: int
    is_sealed: int


class Range(NamedTuple):
    """Which namespaces are searched.

    Attributes:
        low: The first path.
        high: The first text behind the last path.
        owner: Only those of this owner, as `labels.py` writes it; ``None`` for all.
    """

    low: str
    high: str
    owner: str | None = None

    @property
    def values(self) -> dict[str, str | int | None]:
        """The parameters of statements."""
        return {"low": self.low, "high": self.high, "owner": self.owner, "any_owner": int(self.owner is None)}


class GetFingerprint(SingleRead[Fingerprint], msgspec.Struct, frozen=True, eq=False):
    """Read the fingerprint of a range, which changes with it."""

    below: Range

    @property
    def asked(self) -> tuple[Statement, dict[str, Any]]:
        """The statement, and its parameters."""
        return statements.FINGERPRINT, self.below.values

    def of(self, rows: Sequence[Row]) -> Fingerprint:
        """Return the fingerprint; some databases add up to another type."""
        return Fingerprint(*map(int, rows[0]))


def next_spaces(tx: Transaction, below: Range) -> tuple[list[Space], Range | None]:
    """Return the next namespaces in a range, and the rest of the range, if there may be more."""
    rows = tx.all(statements.SPACES, count=_SPACES, **below.values)
    spaces = [Space(*row) for _, *row in rows]
    # No label begins with U+0001, so no path is between one and the same with that behind it.
    return spaces, below._replace(low=as_stored(rows[-1][0]) + "\x01") if len(rows) == _SPACES else None


def changed(tx: Transaction, space: int, after: int, model: int, *, sealed: bool) -> list[IndexRow]:
    """Return the next memories of a namespace that were put after a version, at most `PAGE`."""
    statement = statements.changed(sealed=sealed)
    rows = tx.all(statement, space=space, after=after, model=model, count=PAGE)
    return [_sealed_row(row) for row in rows] if sealed else list(starmap(IndexRow, rows))


def of_spaces(tx: Transaction, spaces: Sequence[int], model: int, *, sealed: bool) -> list[IndexRow]:
    """Return all memories of some small namespaces."""
    statement = statements.of_spaces(sealed=sealed)
    some = parts("k", statements.AT_ONCE, spaces)
    rows = (row for values in some for row in tx.all(statement, model=model, **values))
    return [_sealed_row(row) for row in rows] if sealed else list(starmap(IndexRow, rows))


def _sealed_row(row: Row) -> IndexRow:
    *plain, is_of_model, payload, path, wrapped_keys, name, created_at = row
    if wrapped_keys is None:
        return IndexRow._make((*plain, None))
    payload = None if payload is None else bytes(payload)
    sealed = Sealed(is_of_model, payload, as_stored(path), bytes(wrapped_keys), text_of_key(name), created_at)
    return IndexRow._make((*plain, sealed))


def removed_since(tx: Transaction, space: Space, since: int) -> list[int] | None:
    """Return the ids of the memories that were removed after a version; ``None`` if that is not noted any more."""
    if space.version - since > REMOVALS_KEPT:
        return None
    rows = tx.all(statements.REMOVED_SINCE, space=space.id, since=since)
    # Erasing notes nothing.
    return [memory for _, memory in rows] if any(version == space.removed for version, _ in rows) else None


def ids_after(tx: Transaction, space: int, after: int) -> list[int]:
    """Return the next ids of a namespace's memories behind one, at most `_IDS`."""
    first, last = ids_of(space)
    rows = tx.all(statements.IDS_AFTER, after=max(after, first - 1), last=last, count=_IDS)
    return [id_ for (id_,) in rows]


def small_groups(spaces: Sequence[Space]) -> Iterator[list[Space]]:
    """Yield groups of namespaces whose memories are few enough to be read at once."""
    group: list[Space] = []
    count = 0
    for space in spaces:
        if group and (count + space.last > PAGE or len(group) == statements.AT_ONCE):
            yield group
            group, count = [], 0
        group.append(space)
        count += space.last
    if group:
        yield group

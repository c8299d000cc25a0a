"""Reading memories by their keys, and refreshing those that are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from sessions.clock import NEVER
from sessions.db.command import Command, SingleRead
from sessions.db.lists import parts
from sessions.memory.locking import check_owner
from sessions.memory.rows import MemoryRow
from sessions.memory.statements import memories as statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sessions.db.command import Long
    from sessions.db.transaction import Row, Statement, Transaction

_LAZY: Final = 16
"""A refreshed memory lives this part of its life longer than asked, so that most reads need not refresh it."""

_PLACED: Final = 3
"""Columns of a memory's row for search that tell how it was put."""


class Get(SingleRead["MemoryRow | None"], msgspec.Struct, frozen=True, eq=False):
    """Find a memory by its key.

    Attributes:
        path: The path of its namespace.
        name: Its key.
        now: The time: memories that have expired by then are left out.
        owner: The owner that the namespace must have, or ``None`` for any.
    """

    path: str
    name: str
    now: int
    owner: str | None = None

    @property
    def asked(self) -> tuple[Statement, dict[str, Any]]:
        """The statement, and its parameters."""
        return statements.GET_MEMORY, {"path": self.path, "name": self.name, "now": self.now}

    def of(self, rows: Sequence[Row]) -> MemoryRow | None:
        """Return the memory of its row.

        Raises:
            OwnerError: The memory's namespace belongs to another owner, or has none.
        """
        if not rows:
            return None
        found = MemoryRow.of(rows[0])
        check_owner(found.path, self.owner, found.owner)
        return found

    @property
    def briefly(self) -> Callable[[Transaction], MemoryRow | Long | None]:
        """It always takes little time."""
        return self


class GetToChange(SingleRead["tuple[MemoryRow, Row] | None"], msgspec.Struct, frozen=True, eq=False):
    """Find a memory, and what of its row for search tells how it was put.

    Attributes:
        get: Which memory.
    """

    get: Get

    @property
    def asked(self) -> tuple[Statement, dict[str, Any]]:
        """The statement, and its parameters."""
        return statements.GET_TO_CHANGE, self.get.asked[1]

    def of(self, rows: Sequence[Row]) -> tuple[MemoryRow, Row] | None:
        """Return the memory and the last columns of its row.

        Raises:
            OwnerError: As for `Get`.
        """
        found = self.get.of([row[:-_PLACED] for row in rows])
        return None if found is None else (found, rows[0][-_PLACED:])

    @property
    def briefly(self) -> Callable[[Transaction], tuple[MemoryRow, Row] | Long | None]:
        """It always takes little time."""
        return self


class ByIds(SingleRead[list[MemoryRow]], msgspec.Struct, frozen=True, eq=False):
    """Find memories by their ids, in any order; those that are missing are left out.

    Attributes:
        ids: At most `MANY_IDS`.
        now: As for `Get`.
    """

    ids: Sequence[int]
    now: int

    @property
    def asked(self) -> tuple[Statement, dict[str, Any]]:
        """The statement, and its parameters."""
        sizes = statements.FEW_IDS, statements.IDS_AT_ONCE, statements.MANY_IDS
        at_once = next(size for size in sizes if len(self.ids) <= size)
        (values,) = parts("m", at_once, self.ids)
        return statements.by_ids(at_once, owned=False), {"now": self.now, **values}

    def of(self, rows: Sequence[Row]) -> list[MemoryRow]:
        """Return the memories of rows."""
        return list(map(MemoryRow.of, rows))


def get_many(
    tx: Transaction, keys: Iterable[tuple[str, str]], now: int, owner: str | None = None
) -> dict[tuple[str, str], MemoryRow]:
    """Return memories by their paths and keys, as of one moment; those that are missing are left out.

    Raises:
        OwnerError: A memory's namespace belongs to another owner than the given one, or has none.
    """
    names: dict[str, dict[str, None]] = {}
    for path, name in keys:
        names.setdefault(path, {})[name] = None
    found = {}
    for path, some in names.items():
        for values in parts("n", statements.AT_ONCE, list(some)):
            for row in map(MemoryRow.of, tx.all(statements.GET_SOME, path=path, now=now, **values)):
                check_owner(path, owner, row.owner)
                found[path, row.name] = row
    return found


def by_ids(tx: Transaction, ids: Sequence[int], now: int, owner: str | None = None) -> Iterator[list[MemoryRow]]:
    """Yield memories by their ids, part by part, in any order; expired ones and another owner's are left out."""
    whose = {} if owner is None else {"owner": owner}
    at_once = statements.FEW_IDS if len(ids) <= statements.FEW_IDS else statements.IDS_AT_ONCE
    statement = statements.by_ids(at_once, owned=owner is not None)
    for values in parts("m", at_once, ids):
        yield list(map(MemoryRow.of, tx.all(statement, now=now, **whose, **values)))


def due(rows: Iterable[MemoryRow], now: int) -> list[MemoryRow]:
    """Return those of some memories that were just read which have less time left than their life."""
    expiring = (row for row in rows if row.ttl is not None and row.expires_at is not None)
    return [row for row in expiring if row.expires_at < now + row.ttl]  # type: ignore[operator] # just asked


class Refresh(Command["dict[int, int]"], msgspec.Struct, frozen=True, eq=False):
    """Put off the end of memories that were read, unless they were changed or purged since; return when they expire.

    It raises no version and locks no namespace, as their values stay.

    Attributes:
        rows: The memories.
        now: The time of the read.
    """

    rows: Sequence[MemoryRow]
    now: int

    @property
    def repeatable(self) -> bool:
        """A second time, it changes nothing."""
        return True

    def __call__(self, tx: Transaction) -> dict[int, int]:
        """Do it in `tx`; the result has the ids of those that are still as they were read."""
        for row in sorted(self.rows, key=lambda row: row.id):
            if row.ttl is not None:
                tx.run(
                    statements.REFRESH,
                    id=row.id,
                    version=row.version,
                    until=self.refreshed(row.ttl),
                    before=self.now + row.ttl,
                )
        versions = {row.id: row.version for row in self.rows}
        ends: dict[int, int] = {}
        for values in parts("m", statements.AT_ONCE, list(versions)):
            found = tx.all(statements.ENDS, **values)
            ends |= {memory: expires_at for memory, version, expires_at in found if version == versions[memory]}
        return ends

    def refreshed(self, ttl: int) -> int:
        """Return when a memory with a life expires that is refreshed."""
        return min(self.now + ttl + ttl // _LAZY, NEVER)

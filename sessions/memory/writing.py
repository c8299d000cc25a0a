"""Writing the rows of changed memories: each kind of row is sent together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.clock import NEVER
from sessions.db.ids import check_position, id_of
from sessions.memory.locking import subject_of
from sessions.memory.prepared import Changed, SearchRow
from sessions.memory.sealing import Place, SearchPayload, seal_search, seal_value
from sessions.memory.statements import memories as statements
from sessions.memory.statements import spaces as space_statements

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessions.crypto.subject_keys import SubjectKeys
    from sessions.db.transaction import Transaction
    from sessions.memory.locking import LockedSpace
    from sessions.memory.marks import Mark
    from sessions.memory.prepared import PreparedPut
    from sessions.memory.standing import Standing

REMOVALS_KEPT: Final = 1_000
"""Versions for which the notes of removed memories are kept."""


class Writing:
    """Writes of one transaction, each kind sent together at the end.

    Args:
        tx: The transaction, which has locked the namespaces.
        now: The time.
        has_fields: Whether a field was ever declared, so that memories may have rows of values.
    """

    def __init__(self, tx: Transaction, now: int, *, has_fields: bool = True) -> None:
        self._tx = tx
        self._now = now
        self._has_fields = has_fields
        self._added: list[tuple[object, ...]] = []
        self._replaced: list[tuple[object, ...]] = []
        self._removed: list[tuple[int]] = []
        self._without_search: list[tuple[int]] = []
        self._without_fields: list[tuple[int]] = []
        self._searched: list[tuple[object, ...]] = []
        self._fields: list[tuple[int, int, bytes, int]] = []
        self._notes: list[tuple[object, ...]] = []

    def put(
        self, space: LockedSpace, there: Standing | None, put: PreparedPut, keys: SubjectKeys | None = None
    ) -> Changed:
        """Put a memory in place of the one that stands there, encrypted with some keys."""
        if (restored := put.restored) is None:
            space.version += 1
            updated_at, expires_at = self._now, ends_at(self._now, put.ttl)
            created_at = there.created_at if there is not None and there.is_live else self._now
        else:
            space.version = max(space.version + 1, restored.version)
            created_at, updated_at, expires_at = restored[1:]
        times = created_at, updated_at, expires_at, put.ttl
        if there is None:
            space.last = check_position(space.last + 1, subject_of(space.path), "memories")
            memory = id_of(space.id, space.last)
        else:
            memory = there.id
        payload, search = put.payload, put.search
        if keys is not None:
            place = Place(space.path, memory, space.version, created_at, put.name)
            payload = seal_value(keys, place, payload)
            search = None if search is None else sealed_row(keys, place, search)
        if there is None:
            self._added.append((memory, space.id, put.name, space.version, *times, payload))
        else:
            self._replaced.append((space.version, *times, payload, memory))
            self._without_fields.append((memory,))
            if put.search is None:
                self._without_search.append((memory,))
        if search is not None:
            self._searched.append((memory, *search))
        self._fields += [(space.id, field, value, memory) for field, value in put.fields]
        return Changed(space.version, created_at, updated_at, expires_at)

    def remove(self, space: LockedSpace, memory: int, name: str, what: str) -> Changed:
        """Remove a memory, and note that it was `what`: ``deleted`` or ``expired``."""
        space.version += 1
        space.removed = space.version
        self._removed.append((memory,))
        self._without_search.append((memory,))
        self._without_fields.append((memory,))
        self._notes.append((space.id, space.version, memory, name, what, self._now))
        return Changed(space.version)

    def finish(self) -> None:
        """Send the writes."""
        without_fields = self._without_fields if self._has_fields else []
        for statement, rows in (
            (statements.DROP_SEARCH_ROW, self._without_search),
            (statements.DROP_FIELD_VALUES, without_fields),
            (statements.DELETE_MEMORY, self._removed),
            (statements.ADD_MEMORY, self._added),
            (statements.REPLACE_MEMORY, self._replaced),
            (statements.PUT_SEARCH_ROW, self._searched),
            (statements.ADD_FIELD_VALUE, self._fields),
            (statements.NOTE_REMOVAL, self._notes),
        ):
            if rows:
                self._tx.many(statement, rows)
        for space, version in {row[0]: row[1] for row in self._notes}.items():
            self._tx.run(statements.FORGET_REMOVALS, space=space, version=int(str(version)) - REMOVALS_KEPT)


def sealed_row(keys: SubjectKeys, place: Place, row: SearchRow) -> SearchRow:
    """Return a memory's row for search, encrypted."""
    plain = SearchPayload(row.places, row.digest, row.vectors, row.words)
    return SearchRow(row.model, None, None, None, b"", seal_search(keys, place, plain))


def move(tx: Transaction, spaces: Iterable[LockedSpace], now: int, mark: Mark | None = None) -> None:
    """Move the rows of locked namespaces on to the versions that were reached."""
    rows = []
    for space in spaces:
        marks = mark.note(space) if mark is not None else space.marks
        rows.append((space.version, space.last, space.removed, marks or None, now, space.id))
    tx.many(space_statements.MOVE_SPACE, rows)


def ends_at(now: int, ttl: int | None) -> int | None:
    """Return when a memory expires that is put now."""
    return None if ttl is None else min(now + ttl, NEVER)

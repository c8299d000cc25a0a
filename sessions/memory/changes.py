"""Changing memories: puts and deletions of any namespaces, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import msgspec

from sessions.clock import NEVER
from sessions.db.command import Command
from sessions.db.dialect import text_of_key
from sessions.db.ids import check_position, id_of
from sessions.db.lists import parts
from sessions.errors import ConflictError
from sessions.memory.locking import check_owner, lock_spaces, subject_of
from sessions.memory.marks import Mark
from sessions.memory.sealing import Place, Sealing, SearchPayload, seal_search, seal_value, without_key
from sessions.memory.settings import SettingsMovedError
from sessions.memory.statements import memories as statements
from sessions.memory.statements import spaces as space_statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sessions.crypto.subject_keys import SubjectKeys
    from sessions.db.transaction import Transaction
    from sessions.memory.locking import LockedSpace

REMOVALS_KEPT: Final = 1_000
"""Versions for which the notes of removed memories are kept."""


class SearchRow(NamedTuple):
    """What search knows of a memory: the columns of `search_rows`."""

    model: int | None
    places: bytes | None
    digest: bytes | None
    vectors: bytes | None
    words: bytes
    sealed: bytes | None = None


class PreparedPut(msgspec.Struct, frozen=True):
    """A memory to be put, with all that is computed outside of transactions.

    Attributes:
        path: The path of its namespace.
        name: Its key.
        payload: Its encoded value.
        ttl: Its life in microseconds; ``None`` for ever.
        if_version: The version that it must have; 0 if there must be none.
        owner: The owner that the namespace must have, and gets when it is made, as `labels.py` writes it.
        search: What search is to know of it; ``None`` for nothing.
        fields: The values of its declared fields, by the number of the field.
        texts: The texts that search is to find it by.
        places: The paths of these texts, in JSON, if they are its own.
    """

    path: str
    name: str
    payload: bytes
    ttl: int | None = None
    if_version: int | None = None
    owner: str | None = None
    search: SearchRow | None = None
    fields: tuple[tuple[int, bytes], ...] = ()
    texts: Sequence[str] = ()
    places: bytes | None = None


class PreparedDelete(msgspec.Struct, frozen=True):
    """A memory to be deleted. Its attributes are those of `PreparedPut`."""

    path: str
    name: str
    if_version: int | None = None
    owner: str | None = None


Prepared: TypeAlias = PreparedPut | PreparedDelete


class Changed(NamedTuple):
    """The result of one put or deletion.

    Attributes:
        version: The version of the memory, or of its removal; 0 if there was nothing to delete.
        created_at: When its key was first put.
        updated_at: When it was put.
        expires_at: When it expires.
    """

    version: int
    created_at: int = 0
    updated_at: int = 0
    expires_at: int | None = None


class Standing(NamedTuple):
    """What is there of a memory, live or expired."""

    id: int
    version: int
    created_at: int
    is_live: bool


class Change(Command[Sequence[Changed]], msgspec.Struct, frozen=True, eq=False):
    """Put and delete memories, all or nothing. Each memory is named once.

    Attributes:
        changes: What is done, in this order; each raises the version of its namespace by one.
        now: The time, in microseconds since 1970, UTC.
        number: The number of the settings by which the changes were prepared.
        sealing: Encrypts values, and what search knows of them; ``None`` to store them in the clear.
        mark: Tells whether it was done before.
    """

    changes: Sequence[Prepared]
    now: int
    number: int = 0
    sealing: Sealing | None = None
    mark: Mark | None = None

    @property
    def payloads(self) -> Iterable[bytes]:
        """The values."""
        return (change.payload for change in self.changes if isinstance(change, PreparedPut))

    @property
    def size(self) -> int:
        """The bytes of all values."""
        return sum(map(len, self.payloads))

    @property
    def repeatable(self) -> bool:
        """Whether a mark tells if it was done before."""
        return self.mark is not None

    def made_repeatable(self) -> Change:
        """Return the same with a mark."""
        return self if self.mark is not None else msgspec.structs.replace(self, mark=Mark())

    @property
    def expires(self) -> bool:
        """Whether a memory of these does."""
        return any(isinstance(change, PreparedPut) and change.ttl is not None for change in self.changes)

    def __call__(self, tx: Transaction) -> Sequence[Changed]:
        """Do it in `tx`.

        Returns:
            The result of each change, in their order.

        Raises:
            ConflictError: A memory has another version than it must have.
            OwnerError: A namespace belongs to another owner, or has none.
            MissingKeyError: A namespace is encrypted, and there is no key.
            DecryptionError: The keys here do not open a namespace's keys, or it has memories in the clear.
            KeyWanted: Keys have to be fetched first.
            SettingsMovedError: The changes were prepared by other settings.
            StoreFullError: A namespace has no number left for a memory.
        """
        spaces = self._locked(tx)
        names: dict[str, list[str]] = {}
        for change in self.changes:
            names.setdefault(change.path, []).append(change.name)
        if self.mark is not None and (done := self._done(tx, self.mark, spaces, names)) is not None:
            return done
        puts = any(isinstance(change, PreparedPut) for change in self.changes)
        if puts and any(space.number != self.number for space in spaces.values()):
            raise SettingsMovedError
        standing = find_standing(tx, spaces, names, self.now)
        for change in self.changes:
            _check_version(change, standing.get((change.path, change.name)))
        keys = {path: self._keys(tx, spaces[path]) for path in {one.path for one in self.changes if _is_put(one)}}
        return self._apply(tx, spaces, standing, keys)

    def _keys(self, tx: Transaction, space: LockedSpace) -> SubjectKeys | None:
        """Return the keys of a namespace that gets a memory; ``None`` to store it in the clear."""
        if self.sealing is None:
            if space.wrapped_keys is not None:
                raise without_key(space.path)
            return None
        if space.wrapped_keys is None:
            if space.last:
                self.sealing.check_plain(space.path)
            space.wrapped_keys = self.sealing.new_keys(space.path)
            tx.run(space_statements.SET_WRAPPED_KEYS, space=space.id, wrapped_keys=space.wrapped_keys)
        return self.sealing.unlock(space.path, space.wrapped_keys)

    def _locked(self, tx: Transaction) -> dict[str, LockedSpace]:
        """Lock the namespaces, and make those that are missing and get a memory."""
        owners: dict[str, str | None] = {}
        for change in self.changes:
            owners[change.path] = owners.get(change.path) or change.owner
        made = [change.path for change in self.changes if isinstance(change, PreparedPut) and not change.if_version]
        spaces = lock_spaces(tx, owners, made, self.now)
        for change in self.changes:
            if (space := spaces.get(change.path)) is not None:
                check_owner(change.path, change.owner, space.owner)
        return spaces

    def _apply(
        self,
        tx: Transaction,
        spaces: Mapping[str, LockedSpace],
        standing: Mapping[tuple[str, str], Standing],
        keys: Mapping[str, SubjectKeys | None],
    ) -> Sequence[Changed]:
        """Do all changes, whose conditions hold."""
        before = {path: space.version for path, space in spaces.items()}
        writing = Writing(tx, self.now, has_fields=any(space.number for space in spaces.values()))
        results = []
        for change in self.changes:
            there = standing.get((change.path, change.name))
            if isinstance(change, PreparedPut):
                results.append(writing.put(spaces[change.path], there, change, keys[change.path]))
            elif there is None or not there.is_live:
                results.append(Changed(0))
            else:
                results.append(writing.remove(spaces[change.path], there.id, change.name, "deleted"))
        writing.finish()
        move(tx, [space for path, space in spaces.items() if space.version != before[path]], self.now, self.mark)
        return results

    def _done(
        self, tx: Transaction, mark: Mark, spaces: Mapping[str, LockedSpace], names: Mapping[str, Sequence[str]]
    ) -> Sequence[Changed] | None:
        """Return the results of an earlier attempt; ``None`` if it has changed nothing."""
        reached = {path: mark.reached(space) for path, space in spaces.items()}
        if all(version is None for version in reached.values()):
            return None
        versions: dict[tuple[str, str], Changed] = {}
        for path, last in reached.items():
            if last is None:
                continue
            puts = [one.name for one in self.changes if one.path == path and isinstance(one, PreparedPut)]
            removed = {
                text_of_key(name): version
                for version, name in tx.all(
                    statements.REMOVED_IN, space=spaces[path].id, first=last - len(names[path]) + 1, last=last
                )
            }
            standing = find_standing(tx, spaces, {path: names[path]}, self.now)
            changed = [name for name in names[path] if name in puts or name in removed]
            for version, name in enumerate(changed, last - len(changed) + 1):
                there = standing.get((path, name))
                created_at = there.created_at if there is not None and there.version == version else self.now
                versions[path, name] = Changed(version, created_at, self.now)
        return [
            versions.get((one.path, one.name), Changed(0))._replace(
                expires_at=ends_at(self.now, one.ttl) if isinstance(one, PreparedPut) else None
            )
            for one in self.changes
        ]


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
        """Put a memory in place of what is there, encrypted with some keys."""
        space.version += 1
        expires_at = ends_at(self._now, put.ttl)
        created_at = there.created_at if there is not None and there.is_live else self._now
        times = created_at, self._now, expires_at, put.ttl
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
        return Changed(space.version, created_at, self._now, expires_at)

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
    """Return what search knows of a memory, encrypted."""
    plain = SearchPayload(row.places, row.digest, row.vectors, row.words)
    return SearchRow(row.model, None, None, None, b"", seal_search(keys, place, plain))


def _is_put(change: Prepared) -> bool:
    return isinstance(change, PreparedPut)


def move(tx: Transaction, spaces: Iterable[LockedSpace], now: int, mark: Mark | None = None) -> None:
    """Move the rows of locked namespaces on to the versions that were reached."""
    rows = []
    for space in spaces:
        marks = mark.note(space) if mark is not None else space.marks
        rows.append((space.version, space.last, space.removed, marks or None, now, space.id))
    tx.many(space_statements.MOVE_SPACE, rows)


def find_standing(
    tx: Transaction, spaces: Mapping[str, LockedSpace], names: Mapping[str, Sequence[str]], now: int
) -> dict[tuple[str, str], Standing]:
    """Return what is there of some memories of locked namespaces, by their paths and keys."""
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


def ends_at(now: int, ttl: int | None) -> int | None:
    """Return when a memory expires that is put now."""
    return None if ttl is None else min(now + ttl, NEVER)


def _check_version(change: Prepared, there: Standing | None) -> None:
    if change.if_version is None:
        return
    version = there.version if there is not None and there.is_live else 0
    if version != change.if_version:
        has = f"has version {version}, not {change.if_version}" if version else "is not there"
        raise ConflictError(
            f"memory {change.name!r} of {subject_of(change.path)} {has}, because it was changed since. Nothing was "
            "changed. Read it again.",
            version,
        )

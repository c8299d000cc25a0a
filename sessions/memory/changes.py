"""Changing memories: puts and deletions of any namespaces, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from sessions.db.command import Command
from sessions.db.dialect import text_of_key
from sessions.errors import ConflictError
from sessions.memory.locking import check_owner, lock_spaces, subject_of
from sessions.memory.marks import Mark
from sessions.memory.prepared import Changed, Prepared, PreparedPut
from sessions.memory.sealing import Sealing, without_key
from sessions.memory.settings import SettingsMovedError
from sessions.memory.standing import find_standing
from sessions.memory.statements import memories as statements
from sessions.memory.statements import spaces as space_statements
from sessions.memory.writing import Writing, ends_at, move

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    from sessions.crypto.subject_keys import SubjectKeys
    from sessions.db.transaction import Transaction
    from sessions.memory.locking import LockedSpace
    from sessions.memory.standing import Standing


class Change(Command[Sequence[Changed]], msgspec.Struct, frozen=True, eq=False):
    """Put and delete memories, all or nothing. Each memory is named once.

    Attributes:
        changes: The changes, in this order; each raises the version of its namespace by one.
        now: The time, in microseconds since 1970, UTC.
        number: The number of the settings by which the changes were prepared.
        sealing: Encrypts values and their rows for search; ``None`` to store them in the clear.
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
    def locks(self) -> Hashable:
        """The namespace, or the first of several."""
        return "namespace", min((change.path for change in self.changes), default="")

    @property
    def repeatable(self) -> bool:
        """Whether a mark tells if it was done before."""
        return self.mark is not None

    @property
    def in_doubt(self) -> bool:
        """Whether an attempt of one statement may have been committed."""
        return self.mark is not None and self.mark.is_in_doubt

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
            MissingKeyError: A namespace is encrypted, and the key is missing.
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


def _is_put(change: Prepared) -> bool:
    return isinstance(change, PreparedPut)


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

"""Replacing a namespace's wrapped keys, and encrypting its memories again, in short transactions beside other callers.

No version rises: values stay the same, and payloads are bound to the same columns. The first bytes of a payload tell
whether it is encrypted with the newest data key, so an interrupted run can be continued.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.db.dialect import text_of_key
from sessions.db.ids import ids_of
from sessions.labels import as_stored
from sessions.memory.locking import LockedSpace
from sessions.memory.rows import MemoryRow
from sessions.memory.sealing import Place, SearchPayload, seal_search, seal_value
from sessions.memory.statements import rotating as statements
from sessions.memory.statements import spaces as space_statements

if TYPE_CHECKING:
    from sessions.crypto.subject_keys import SubjectKeys
    from sessions.db.transaction import Row, Transaction
    from sessions.memory.sealing import Sealing

_BATCH: Final = 200
"""Memories encrypted again in one transaction."""


class EncryptedSpace(NamedTuple):
    """A namespace with its wrapped keys; ``None`` without any."""

    id: int
    path: str
    wrapped_keys: bytes | None


class Batch(NamedTuple):
    """The result of one transaction.

    Attributes:
        memories: How many memories it encrypted again.
        after: The id of the last one; ``None`` if none is left.
    """

    memories: int
    after: int | None


def list_encrypted(tx: Transaction, after: int, count: int, *, everything: bool) -> list[EncryptedSpace]:
    """Return the next namespaces with wrapped keys, or of all, the oldest first."""
    rows = tx.all(statements.ENCRYPTED_SPACES, after=after, everything=int(everything), count=count)
    return [EncryptedSpace(id_, as_stored(path), None if keys is None else bytes(keys)) for id_, path, keys in rows]


def replace_wrapped_keys(tx: Transaction, space: EncryptedSpace, new: bytes) -> bool:
    """Replace a namespace's wrapped keys, unless they have changed since; tell whether that was done."""
    row = tx.one(space_statements.LOCK_SPACE, space=space.id)
    if row is None or LockedSpace.of(row).wrapped_keys != space.wrapped_keys:
        return False
    tx.run(space_statements.SET_WRAPPED_KEYS, space=space.id, wrapped_keys=new)
    return True


def reencrypt(tx: Transaction, space: EncryptedSpace, sealing: Sealing, after: int | None) -> Batch:
    """Encrypt the next memories of a namespace with its newest data key, unless they are already.

    Raises:
        DecryptionError: One was altered, or the keys here do not open the namespace's.
        KeyWanted: Keys have to be fetched first.
    """
    row = tx.one(space_statements.LOCK_SPACE, space=space.id)
    wrapped = None if row is None else LockedSpace.of(row).wrapped_keys
    if wrapped is None:
        return Batch(0, None)
    keys = sealing.unlock(space.path, wrapped)
    low, high = ids_of(space.id)
    first = low - 1 if after is None else after
    rows = tx.all(statements.OTHERWISE_ENCRYPTED, after=first, high=high, header=keys.header, count=_BATCH)
    for one in rows:
        _reencrypt(tx, space._replace(wrapped_keys=wrapped), sealing, keys, one)
    return Batch(len(rows), rows[-1][0] if len(rows) == _BATCH else None)


def _reencrypt(tx: Transaction, space: EncryptedSpace, sealing: Sealing, keys: SubjectKeys, row: Row) -> None:
    memory, name, version, created_at, payload, places, digest, vectors, words, sealed = row
    place = Place(space.path, memory, version, created_at, text_of_key(name))
    stored = MemoryRow(
        space.path, None, space.wrapped_keys, memory, place.name, version, created_at, 0, None, None, bytes(payload)
    )
    tx.run(statements.REPLACE_PAYLOAD, memory=memory, payload=seal_value(keys, place, sealing.open(stored).payload))
    if words is None:
        return
    if sealed is not None and space.wrapped_keys is not None:
        known = sealing.open_search(space.wrapped_keys, place, bytes(sealed))
    else:
        known = SearchPayload(_bytes(places), _bytes(digest), _bytes(vectors), bytes(words))
    tx.run(statements.REPLACE_SEALED, memory=memory, nothing=b"", sealed=seal_search(keys, place, known))


def _bytes(value: bytes | None) -> bytes | None:
    return None if value is None else bytes(value)


def sealed_below(tx: Transaction, low: str, high: str, owner: str | None) -> list[str]:
    """Return the paths of the encrypted namespaces in a range."""
    values = {"low": low, "high": high, "owner": owner, "any_owner": int(owner is None)}
    return [as_stored(path) for (path,) in tx.all(statements.SEALED_BELOW, **values)]


def sealed_of_owners(tx: Transaction, low: str, high: str) -> list[str]:
    """Return the paths of the encrypted namespaces of owners in a range."""
    return [as_stored(path) for (path,) in tx.all(statements.SEALED_OF_OWNERS, low=low, high=high)]

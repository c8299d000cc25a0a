"""Replacing a namespace's wrapped keys, and encrypting its memories again, in short transactions beside other callers.

No version rises: values stay the same, and payloads are bound to the same columns. The first bytes of a payload tell
whether it is encrypted with the newest data key, so an interrupted run can be continued.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.db.dialect import text_of_key
from sessions.db.ids import ids_of
from sessions.db.rotation import Found, Pass
from sessions.labels import as_stored
from sessions.memory.locking import LockedSpace
from sessions.memory.rows import MemoryRow
from sessions.memory.sealing import Place, SearchPayload, seal_search, seal_value, subject_of
from sessions.memory.statements import rotating as statements
from sessions.memory.statements import spaces as space_statements

if TYPE_CHECKING:
    from sessions.crypto.subject_keys import SubjectKeys
    from sessions.db.transaction import Row, Transaction
    from sessions.memory.sealing import Sealing

_BATCH: Final = 200
"""Memories encrypted again in one transaction."""


class Space(NamedTuple):
    """A namespace, by its number and its path."""

    id: int
    path: str


def list_encrypted(tx: Transaction, after: int, count: int, *, everything: bool) -> list[Space]:
    """Return the next namespaces with wrapped keys, or of all, the oldest first."""
    rows = tx.all(statements.ENCRYPTED_SPACES, after=after, everything=int(everything), count=count)
    return [Space(id_, as_stored(path)) for id_, path in rows]


def count_plain(tx: Transaction) -> int:
    """Return how many namespaces are not encrypted."""
    return int(tx.the(statements.PLAIN_SPACES)[0])


def find_wrapped_keys(tx: Transaction, space: Space) -> Found | None:
    """Return the wrapped keys of a namespace; ``None`` if it is gone."""
    row = tx.one(statements.WRAPPED_KEYS, space=space.id)
    return None if row is None else Found(None if row[0] is None else bytes(row[0]))


def replace_wrapped_keys(tx: Transaction, space: Space, old: bytes | None, new: bytes) -> bool:
    """Replace a namespace's wrapped keys, unless they have changed since; tell whether that was done."""
    row = tx.one(space_statements.LOCK_SPACE, space=space.id)
    if row is None or LockedSpace.of(row).wrapped_keys != old:
        return False
    tx.run(space_statements.SET_WRAPPED_KEYS, space=space.id, wrapped_keys=new)
    return True


def reencrypt(tx: Transaction, space: Space, sealing: Sealing, before: Pass) -> Pass:
    """Encrypt the next memories of a namespace with its newest data key, unless they are already.

    With the last of them, the older data keys go.

    Raises:
        DecryptionError: One was altered, or the keys here do not open the namespace's.
        KeyWanted: Keys have to be fetched first.
    """
    row = tx.one(space_statements.LOCK_SPACE, space=space.id)
    wrapped = None if row is None else LockedSpace.of(row).wrapped_keys
    if wrapped is None:
        return Pass(after=None)
    keys = sealing.unlock(space.path, wrapped)
    low, high = ids_of(space.id)
    (after,) = before.place(keys.header) or (low - 1,)
    rows = tx.all(statements.OTHERWISE_ENCRYPTED, after=after, high=high, header=keys.header, count=_BATCH)
    for one in rows:
        _reencrypt(tx, (space.path, wrapped), sealing, keys, one)
    if len(rows) == _BATCH:
        return Pass(_BATCH, (rows[-1][0],), keys.header)
    newest = sealing.keys.newest_only(subject_of(space.path), wrapped)
    if newest != wrapped:
        tx.run(space_statements.SET_WRAPPED_KEYS, space=space.id, wrapped_keys=newest)
    return Pass(len(rows), None)


def _reencrypt(tx: Transaction, space: tuple[str, bytes], sealing: Sealing, keys: SubjectKeys, row: Row) -> None:
    path, wrapped = space
    memory, name, version, created_at, payload, places, digest, vectors, words, sealed = row
    place = Place(path, memory, version, created_at, text_of_key(name))
    stored = MemoryRow(path, None, wrapped, memory, place.name, version, created_at, 0, None, None, bytes(payload))
    tx.run(statements.REPLACE_PAYLOAD, memory=memory, payload=seal_value(keys, place, sealing.open(stored).payload))
    if words is None:
        return
    if sealed is not None:
        known = sealing.open_search(wrapped, place, bytes(sealed))
    else:
        known = SearchPayload(_bytes(places), _bytes(digest), _bytes(vectors), bytes(words))
    tx.run(statements.REPLACE_SEALED, memory=memory, nothing=b"", sealed=seal_search(keys, place, known))


def _bytes(value: bytes | None) -> bytes | None:
    return None if value is None else bytes(value)


def sealed_below(tx: Transaction, low: str, high: str, owner: str | None) -> list[str]:
    """Return the paths of the encrypted namespaces in a range."""
    values = {"low": low, "high": high, "owner": owner, "any_owner": int(owner is None)}
    return [as_stored(path) for (path,) in tx.all(statements.SEALED_BELOW, **values)]

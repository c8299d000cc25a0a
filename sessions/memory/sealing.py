"""Encryption of memories: their values, and their rows for search.

Each namespace has data keys of its own, which `spaces.wrapped_keys` holds wrapped, in the formats of `crypto/`. A
payload is bound to its place: its associated data is the JSON array ``["memory", "value" or "search", path, id,
version, created_at, key]``, so that a row that was moved, exchanged or set back cannot be decrypted. A refreshed expiry
writes no payload, so it is not among them.

The row for search is one payload: a MessagePack array of the columns `places`, `digest`, `vectors` and `words`. Vectors
can be inverted, and hashes of words can be guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import msgspec

from sessions.crypto.subject import Subject
from sessions.crypto.subject_keys import looks_encrypted
from sessions.errors import DecryptionError, MissingKeyError
from sessions.memory.paths import labels_of

if TYPE_CHECKING:
    from sessions.crypto.key_manager import KeyManager
    from sessions.crypto.keys import KeyProvider, KeyRing
    from sessions.crypto.subject_keys import SubjectKeys
    from sessions.memory.rows import MemoryRow

KIND: Final = "memories"
"""The kind of subject that a namespace is."""

_COMPONENT: Final = "memory"
_encode: Final = msgspec.json.Encoder().encode


class Place(NamedTuple):
    """The columns that a payload is bound to.

    Attributes:
        path: The path of the namespace.
        id: The memory's id.
        version: Its version.
        created_at: When its key was first put.
        name: Its key.
    """

    path: str
    id: int
    version: int
    created_at: int
    name: str


class SearchPayload(msgspec.Struct, array_like=True, frozen=True):
    """A memory's row for search, before it is encrypted: columns of `search_rows`."""

    places: bytes | None
    digest: bytes | None
    vectors: bytes | None
    words: bytes


_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder(SearchPayload).decode


class NamespaceSubject(Subject):
    """A namespace as the owner of data keys; errors name its labels, as its path has control characters."""

    __slots__ = ()

    @property
    def noun(self) -> str:
        """Its kind, in the singular."""
        return "namespace"

    def __str__(self) -> str:
        return f"namespace {labels_of(self.name)!r}"


def subject_of(path: str) -> Subject:
    """Return the owner of a namespace's data keys."""
    return NamespaceSubject(KIND, path)


def place_of(row: MemoryRow) -> Place:
    """Return the place of a memory."""
    return Place(row.path, row.id, row.version, row.created_at, row.name)


class Sealing:
    """Encrypts and decrypts the memories of one database.

    Args:
        keys: Has the data keys of namespaces.
        source: The key ring or the provider that wraps them.
        allow_plain_text: Namespaces may hold memories in the clear, from before they were encrypted.

    Attributes:
        keys: As above, as the others.
    """

    def __init__(self, keys: KeyManager, source: KeyRing | KeyProvider, *, allow_plain_text: bool) -> None:
        self.keys = keys
        self.source = source
        self.allow_plain_text = allow_plain_text

    def unlock(self, path: str, wrapped: bytes) -> SubjectKeys:
        """Return a namespace's keys.

        Raises:
            DecryptionError: None of the keys here wrapped them, or they were altered.
            KeyWanted: They have to be fetched first.
        """
        return self.keys.unlock(subject_of(path), wrapped)

    def new_keys(self, path: str) -> bytes:
        """Return wrapped keys for a namespace that has none.

        Raises:
            KeyWanted: They have to be fetched first.
        """
        return self.keys.new_keys(subject_of(path))

    def open(self, row: MemoryRow) -> MemoryRow:
        """Return a memory with its payload in the clear.

        Raises:
            DecryptionError: It was altered, or is in the clear and may not be.
            KeyWanted: The keys have to be fetched first.
        """
        if row.wrapped_keys is None:
            self.check_plain(row.path, row.payload)
            return row
        keys = self.unlock(row.path, row.wrapped_keys)
        try:
            return row._replace(payload=open_value(keys, place_of(row), row.payload))
        except ValueError:
            if keys.is_plain(row.payload):
                self.check_plain(row.path, row.payload)
                return row
            raise keys.refusal(f"memory {row.name!r}", row.payload) from None

    def open_search(self, wrapped: bytes, place: Place, sealed: bytes) -> SearchPayload:
        """Return a memory's row for search.

        Raises:
            DecryptionError: It was altered.
            KeyWanted: The keys have to be fetched first.
        """
        return open_search(self.unlock(place.path, wrapped), place, sealed)

    def check_plain(self, path: str, payload: bytes = b"{") -> None:
        """Go on if a namespace may hold memories in the clear.

        Raises:
            DecryptionError: It may not; or the payload is encrypted, and the namespace's keys are gone.
        """
        if looks_encrypted(payload):
            raise DecryptionError(
                f"namespace {labels_of(path)!r} has encrypted memories, but its keys were removed. Nothing was "
                "changed. Restore it from a backup, or erase it."
            )
        if not self.allow_plain_text:
            raise DecryptionError(
                f"namespace {labels_of(path)!r} has unencrypted memories, but the store was opened with a key. Nothing "
                "was changed. To read them, and to encrypt later puts, open the store with "
                "allow_plain_text=True."
            )


def seal_value(keys: SubjectKeys, place: Place, payload: bytes) -> bytes:
    """Return an encrypted value."""
    return keys.encrypt(payload, _bound("value", place))


def open_value(keys: SubjectKeys, place: Place, payload: bytes) -> bytes:
    """Return a value that `seal_value` encrypted; raise `ValueError` if these keys did not, or not for this place."""
    return keys.decrypt(payload, _bound("value", place))


def open_search(keys: SubjectKeys, place: Place, sealed: bytes) -> SearchPayload:
    """Return a memory's row for search.

    Raises:
        DecryptionError: It was altered.
    """
    try:
        return _unpack(keys.decrypt(sealed, _bound("search", place)))
    except (ValueError, msgspec.MsgspecError):
        raise keys.refusal(f"what search knows of memory {place.name!r}", sealed) from None


def seal_search(keys: SubjectKeys, place: Place, payload: SearchPayload) -> bytes:
    """Return a memory's row for search, encrypted."""
    return keys.encrypt(_pack(payload), _bound("search", place))


def without_key(path: str) -> MissingKeyError:
    """Return the error for a namespace that is encrypted, in a store without a key."""
    return MissingKeyError(
        f"namespace {labels_of(path)!r} is encrypted, and the store was opened without a key. Nothing was changed. "
        "Open it with open_store(…, encryption_key=…)."
    )


def _bound(kind: Literal["value", "search"], place: Place) -> bytes:
    bound: list[Any] = [_COMPONENT, kind, *place]
    return _encode(bound)

"""Keys that wrap the keys of sessions: a ring of one's own, or a provider such as a key management service."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final, Protocol, cast, runtime_checkable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sessions.crypto.key_texts import generate_key, parse_key, spellings
from sessions.crypto.passphrase import Passphrase
from sessions.errors import DecryptionError
from sessions.validation import check_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from sessions.crypto.passphrase import Stretch

__all__ = ["KeyProvider", "KeyRing", "Masters", "generate_key"]

_NONCE_BYTES: Final = 12
_MAX_ID_BYTES: Final = 255
_WRAP_INFO: Final = b"sessions/seal/1/wrap"
_ID_INFO: Final = b"sessions/seal/1/id"


@runtime_checkable
class KeyProvider(Protocol):
    """Wraps the keys of sessions somewhere else, as a key management service does; for `EncryptedSession`.

    Each sealed session has random keys of its own. The provider gets them once, as one secret of 64 bytes, and returns
    them wrapped: encrypted, or, if it keeps them itself, as a name to find them by. The database holds what `wrap`
    returned. Both methods may raise `LookupError` for a key that is not there or not there any more: `DecryptionError`
    for the caller. Whatever else they raise reaches the caller as it is.

    A provider that keeps wrapped keys itself may also have ``async def destroy(self, *, session_id)``, which destroys
    all that it ever wrapped for a session: it is called when the session is erased.
    """

    @property
    def current(self) -> str:
        """The id of the key that wraps from now on: 1 to 255 bytes in UTF-8, known to readers of the database."""
        ...

    async def wrap(self, secret: bytes, *, key_id: str, session_id: str) -> bytes:
        """Return a secret of 64 bytes, wrapped with a key, so that it can be unwrapped for this session only."""
        ...

    async def unwrap(self, wrapped: bytes, *, key_id: str, session_id: str) -> bytes:
        """Return the secret that `wrap` was given."""
        ...


class KeyRing:
    """Keys by id, of which one is current: it wraps from now on, the others still unwrap.

    An id is a name for people. A session is opened by whichever key of the ring wrapped its own, also if that key was
    given without an id then, or with another one.

    Args:
        keys: By id (text that readers of the database may know), each made by `generate_key` or of at least 32 random
            bytes. Any other text is a passphrase: it works, but is only as good as it is hard to guess, so it is
            stretched with scrypt, which takes a third of a second once for each process and store, and there is a
            `WeakKeyWarning`. A final newline and a byte order mark are no part of a key.
        current: The id of the current one; the last if not given.

    Raises:
        TypeError: A key is neither text nor bytes.
        ValueError: There is no key, one is empty or of fewer than 32 bytes, an id is not allowed, or `current` is none
            of them.
    """

    def __init__(self, keys: Mapping[str, str | bytes], current: str | None = None) -> None:
        if not hasattr(keys, "items"):
            raise TypeError(f"keys must be a mapping of ids to keys, not {type(keys).__name__}")
        if not keys:
            raise ValueError("a key ring needs a key")
        # The id of a single key without one is made of the key.
        self._keys: dict[str | None, bytes | Passphrase] = {}
        for id_, key in keys.items():
            self._keys[check_text(id_, "a key's id", _MAX_ID_BYTES)] = parse_key(key, f"key {id_!r}", stacklevel=2)
        self._given = tuple(spelling for key in keys.values() for spelling in spellings(key))
        self._current = list(self._keys)[-1] if current is None else current
        if self._current not in self._keys:
            raise ValueError(f"current is {current!r}, which is none of the keys: {self._ids()}")

    @classmethod
    def of(cls, key: str | bytes, *, stacklevel: int = 2) -> Self:
        """Return a ring of one key, known by an id that is made of it.

        Args:
            key: The key.
            stacklevel: Whose call a warning is about, as for `warnings.warn`.

        Raises:
            TypeError: The key is neither text nor bytes.
            ValueError: It is empty, or of fewer than 32 bytes.
        """
        ring = cls.__new__(cls)
        ring._keys, ring._current = {None: parse_key(key, "encryption_key", stacklevel)}, None  # noqa: SLF001
        ring._given = spellings(key)  # noqa: SLF001
        return ring

    def __repr__(self) -> str:
        return f"KeyRing({self._ids()})"

    def _ids(self) -> str:
        return ", ".join("a single key" if id_ is None else repr(id_) for id_ in self._keys)

    @property
    def given(self) -> tuple[str | bytes, ...]:
        """The keys as they were given, and without what a file adds to them."""
        return self._given

    @property
    def needs_stretching(self) -> bool:
        """Whether there is a passphrase among the keys."""
        return any(isinstance(key, Passphrase) for key in self._keys.values())

    def masters(self, stretch: Stretch | None = None) -> Masters:
        """Return the keys ready for use; `stretch` is how passphrases are stretched, if there are some."""
        ready: dict[str, _Wrapping] = {}
        current = ""
        for id_, key in self._keys.items():
            wrapping = _Wrapping(key if isinstance(key, bytes) else cast("Stretch", stretch)(key))
            name = wrapping.id if id_ is None else id_
            ready[name] = wrapping
            current = name if id_ == self._current else current
        return Masters(ready, current)


class Masters:
    """Keys ready for use.

    Attributes:
        current: The id of the one that wraps from now on.
    """

    def __init__(self, keys: Mapping[str, _Wrapping], current: str) -> None:
        self._keys = keys
        self.current = current

    def wrap(self, secret: bytes, *, session_id: str) -> bytes:
        """Return a secret wrapped with the current key: a nonce of 12 bytes, the ciphertext, a tag of 16."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._keys[self.current].cipher.encrypt(nonce, secret, _bound(self.current, session_id))

    def unwrap(self, wrapped: bytes, *, key_id: str, session_id: str) -> bytes:
        """Return the secret that `wrap` was given, by whichever key here wrapped it.

        Raises:
            DecryptionError: None of them did, or this is not what one wrapped for this session.
        """
        named = self._keys.get(key_id)
        # A key has other ids elsewhere: that of a ring, or one made of the key. What it wrapped is bound to that id.
        others = list(self._keys.values())
        for key in others if named is None else [named, *others]:
            try:
                return key.unwrap(wrapped, _bound(key_id, session_id))
            except (InvalidTag, ValueError):
                continue
        if named is None:
            raise DecryptionError(
                f"session {session_id!r} is sealed with key {key_id!r}, which is not here; nothing was changed. Here "
                f"is {', '.join(map(repr, self._keys))}"
            )
        raise DecryptionError(
            f"session {session_id!r}: the key that is called {key_id!r} here is not the one that the session was "
            "sealed with, or its seal was altered or is another session's; nothing was changed"
        )

    def is_current(self, wrapped: bytes, *, key_id: str, session_id: str) -> bool:
        """Tell whether a secret was wrapped with the current key, under its id: another key may have had that id."""
        try:
            return key_id == self.current and bool(self._keys[key_id].unwrap(wrapped, _bound(key_id, session_id)))
        except (InvalidTag, ValueError):
            return False


class _Wrapping:
    """A key that wraps, made of a master key by HKDF-SHA256 (RFC 5869) without salt."""

    def __init__(self, master: bytes) -> None:
        self.cipher: AESGCM = AESGCM(_derive(master, _WRAP_INFO, 32))
        self.id = _derive(master, _ID_INFO, 4).hex()

    def unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        """Return a secret; raise `InvalidTag` or `ValueError` if this is not what this key wrapped."""
        return self.cipher.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], bound)


def _derive(master: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, None, info).derive(master)


def _bound(key_id: str, session_id: str) -> bytes:
    """Return the associated data of a wrapped secret."""
    return b"\0".join((b"sessions/seal/1", key_id.encode(), session_id.encode()))

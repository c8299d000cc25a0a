"""Keys that wrap the keys of sessions: a ring of one's own, or a provider such as a key management service."""

from __future__ import annotations

import base64
import binascii
import secrets
import warnings
from typing import TYPE_CHECKING, Final, Protocol, cast, runtime_checkable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sessions.arguments import check_text
from sessions.codecs.passphrase import Passphrase
from sessions.errors import DecryptionError, WeakKeyWarning

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from sessions.codecs.passphrase import Stretch

STRONG_BYTES: Final = 32
"""From so many random bytes on, a key needs no stretching."""

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

    Args:
        keys: By id (text that readers of the database may know), each of at least 32 random bytes, as such or 32 of
            them in base64 or hexadecimal digits; `generate_key` makes one. Any other text is a passphrase: it works,
            but is only as good as it is hard to guess, so it is stretched with scrypt, which takes a third of a second
            once for each process and store, and there is a `WeakKeyWarning`.
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
            self._keys[check_text(id_, "a key's id", _MAX_ID_BYTES)] = _parse(key, f"key {id_!r}", stacklevel=2)
        # Not as mutable bytes, which could change later.
        self._given = tuple(key if isinstance(key, str) else bytes(key) for key in keys.values())
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
        ring._given, ring._keys, ring._current = (key,), {None: _parse(key, "encryption_key", stacklevel)}, None  # noqa: SLF001
        return ring

    def __repr__(self) -> str:
        return f"KeyRing({self._ids()})"

    def _ids(self) -> str:
        return ", ".join("a single key" if id_ is None else repr(id_) for id_ in self._keys)

    @property
    def given(self) -> tuple[str | bytes, ...]:
        """The keys as they were given."""
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
        """Return the secret that `wrap` was given.

        Raises:
            DecryptionError: There is no such key here, or this is not what it wrapped for this session.
        """
        key = self._keys.get(key_id)
        if key is None:
            raise DecryptionError(
                f"session {session_id!r} is sealed with key {key_id!r}, which is not here; nothing was changed. Here "
                f"is {', '.join(map(repr, self._keys))}"
            )
        try:
            return key.cipher.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], _bound(key_id, session_id))
        except (InvalidTag, ValueError):
            raise DecryptionError(
                f"session {session_id!r}: the key that is called {key_id!r} here is not the one that the session was "
                "sealed with, or its seal was altered or is another session's; nothing was changed"
            ) from None


class _Wrapping:
    """A key that wraps, made of a master key by HKDF-SHA256 (RFC 5869) without salt."""

    def __init__(self, master: bytes) -> None:
        self.cipher = AESGCM(_derive(master, _WRAP_INFO, 32))
        self.id = _derive(master, _ID_INFO, 4).hex()


def generate_key() -> str:
    """Return a new random key of 32 bytes, in base64 for URLs (44 characters)."""
    return base64.urlsafe_b64encode(secrets.token_bytes(STRONG_BYTES)).decode()


def _derive(master: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, None, info).derive(master)


def _bound(key_id: str, session_id: str) -> bytes:
    """Return the associated data of a wrapped secret."""
    return b"\0".join((b"sessions/seal/1", key_id.encode(), session_id.encode()))


def _parse(key: object, what: str, stacklevel: int) -> bytes | Passphrase:
    """Return a key's bytes, or a passphrase."""
    if isinstance(key, (bytes, bytearray, memoryview)):
        raw = bytes(key)
        if len(raw) < STRONG_BYTES:
            raise ValueError(
                f"{what} has {len(raw)} bytes; it needs {STRONG_BYTES} random ones, as sessions.generate_key() makes"
            )
        return raw
    if not isinstance(key, str):
        raise TypeError(f"{what} must be text or bytes, not {type(key).__name__}")
    if not key:
        raise ValueError(f"{what} is empty; sessions.generate_key() makes one")
    if any("\ud800" <= letter <= "\udfff" for letter in key):
        # `encode` would find it too, with the key in its error.
        raise ValueError(f"{what} has a lone surrogate in it, which is no Unicode text")
    decoded = _decoded(key)
    if decoded is not None:
        return decoded
    warnings.warn(
        f"{what} is a passphrase, which can be guessed; a random key cannot, and needs no stretching. Make one with "
        '`python -c "import sessions; print(sessions.generate_key())"` and keep it where secrets are kept',
        WeakKeyWarning,
        stacklevel=stacklevel + 1,
    )
    return Passphrase(key)


def _decoded(text: str) -> bytes | None:
    """Return the bytes of a key in hexadecimal digits or base64; ``None`` for any other text."""
    with_hex, with_base64 = 2 * STRONG_BYTES, (43, 44)
    if len(text) == with_hex:
        try:
            raw = bytes.fromhex(text)
        except ValueError:
            return None
        # It skips white space.
        return raw if len(raw) == STRONG_BYTES else None
    if len(text) not in with_base64:
        return None
    try:
        raw = base64.b64decode(text.translate({ord("-"): "+", ord("_"): "/"}).rstrip("=") + "=", validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == STRONG_BYTES else None

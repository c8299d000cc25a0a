"""Key-encryption keys: they wrap data keys, with AES-256-GCM, bound to their id and to the subject."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sessions.errors import DecryptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessions.crypto.subject import Subject
    from sessions.crypto.wrapped_keys import WrappedKey

_FORMAT: Final = "sessions/keys/2"
_WRAP_INFO: Final = b"sessions/keys/2/wrap"
_ID_INFO: Final = b"sessions/keys/2/id"
_NONCE_BYTES: Final = 12


class KeyEncryptionKey:
    """A key that wraps, made of a master key by HKDF-SHA256 (RFC 5869) without salt.

    Attributes:
        id: An id that is made of the key, for one that was given without.
    """

    def __init__(self, master: bytes) -> None:
        self._cipher: AESGCM = AESGCM(_derive(master, _WRAP_INFO, 32))
        self.id = _derive(master, _ID_INFO, 4).hex()

    def wrap(self, secret: bytes, associated_data: bytes) -> bytes:
        """Return a wrapped secret: a nonce of 12 bytes, the ciphertext, a tag of 16."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, associated_data)

    def unwrap(self, wrapped: bytes, associated_data: bytes) -> bytes:
        """Return a secret; raise `InvalidTag` or `ValueError` if this key did not wrap it so."""
        return self._cipher.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], associated_data)


class KeyEncryptionKeys:
    """The keys of a ring, ready for use.

    Attributes:
        current: The id of the one that wraps from now on.
    """

    def __init__(self, keys: Mapping[str, KeyEncryptionKey], current: str) -> None:
        self._keys = keys
        self.current = current

    def wrap(self, subject: Subject, secret: bytes) -> bytes:
        """Return a secret wrapped with the current key."""
        return self._keys[self.current].wrap(secret, _associated_data(self.current, subject))

    def unwrap(self, subject: Subject, key: WrappedKey) -> bytes:
        """Return the secret that `wrap` was given, by whichever key here wrapped it.

        Raises:
            DecryptionError: None of them did, or not for this subject.
        """
        named = self._keys.get(key.by)
        # A key has other ids elsewhere: that of a ring, or one made of the key. Keys that it wrapped are
        # bound to that id.
        others = list(self._keys.values())
        for candidate in others if named is None else [named, *others]:
            try:
                return candidate.unwrap(key.wrapped, _associated_data(key.by, subject))
            except (InvalidTag, ValueError):
                continue
        if named is None:
            raise DecryptionError(
                f"{subject} is encrypted with key {key.by!r}, which is not one of the given keys "
                f"({', '.join(map(repr, self._keys))}). Nothing was changed. Add it: KeyRing({{{key.by!r}: …}})."
            )
        raise DecryptionError(
            f"{subject}: the given key called {key.by!r} is not the one that encrypted it, or its wrapped "
            f"keys were altered or belong to another {subject.noun}. Nothing was changed. Pass the original "
            "key, or restore a backup."
        )

    def is_current(self, subject: Subject, key: WrappedKey) -> bool:
        """Tell whether a secret was wrapped with the current key, under its id: another key may have had that id."""
        try:
            associated_data = _associated_data(key.by, subject)
            return key.by == self.current and bool(self._keys[key.by].unwrap(key.wrapped, associated_data))
        except (InvalidTag, ValueError):
            return False


def _derive(master: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, None, info).derive(master)


def _associated_data(key_id: str, subject: Subject) -> bytes:
    return msgspec.json.encode((_FORMAT, key_id, subject.kind, subject.name))

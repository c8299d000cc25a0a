"""Encryption of payloads with a subject's data keys: AES-256-GCM, each bound to associated data.

A payload, as it is stored::

    1 byte     the format: 5
    4 bytes    the id of the data key
    12 bytes   the nonce, random
    n bytes    the ciphertext
    16 bytes   the tag

AES-GCM is NIST SP 800-38D. Its limit for random nonces is 2**32 payloads under one key.
"""

from __future__ import annotations

import hmac
import os
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sessions.crypto.data_keys import KEY_ID_BYTES
from sessions.crypto.wrapped_keys import READS_OLDER
from sessions.errors import DecryptionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.crypto.data_keys import DataKey
    from sessions.crypto.subject import Subject

FORMAT: Final = b"\5"
_OLDER_FORMATS: Final = (b"\1", b"\2", b"\3", b"\4")

FIRST_BYTES: Final = (b"\1", FORMAT)
"""Encrypted payloads begin with one of these bytes or one between them, also those of older formats. No text does."""

HEADER: Final = 1 + KEY_ID_BYTES
"""Bytes before the nonce: the format and the id of the data key."""

NONCE_BYTES: Final = 12
PREFIX: Final = HEADER + NONCE_BYTES
"""Bytes before the ciphertext."""


class SubjectKeys:
    """Encrypts payloads of one subject with its newest data key, and decrypts them with any.

    Args:
        subject: The subject.
        keys: Its data keys, the newest last.
        wrapped_by: The id of the key that the newest one is wrapped with, for errors.

    Attributes:
        subject: The subject.
        wrapped_by: The id of the key that the newest one is wrapped with.
        header: The beginning of payloads that are encrypted with the newest data key.
    """

    def __init__(self, subject: Subject, keys: Sequence[DataKey], wrapped_by: str) -> None:
        self.subject = subject
        self.wrapped_by = wrapped_by
        self._ciphers = {FORMAT + key.id: AESGCM(key.key) for key in keys}
        self.newest = keys[-1]
        self.header = FORMAT + self.newest.id

    def encrypt(self, plain_text: bytes, associated_data: bytes) -> bytes:
        """Return a payload."""
        nonce = os.urandom(NONCE_BYTES)
        return self.header + nonce + self._ciphers[self.header].encrypt(nonce, plain_text, associated_data)

    def decrypt(self, payload: bytes, associated_data: bytes) -> bytes:
        """Return the plain text of a payload; raise `ValueError` if these keys did not encrypt it so."""
        cipher = self.cipher(payload[:HEADER])
        try:
            return cipher.decrypt(payload[HEADER:PREFIX], payload[PREFIX:], associated_data)
        except InvalidTag:
            raise ValueError("a payload was altered") from None

    def cipher(self, header: bytes) -> AESGCM:
        """Return the cipher of payloads with this beginning; raise `ValueError` if it is unknown."""
        try:
            return self._ciphers[header]
        except KeyError:
            raise ValueError("a payload begins as none of these keys' does") from None

    def digest(self, digest: bytes) -> bytes:
        """Return the form in which a digest is stored: HMAC-SHA256, so that likely contents cannot be tried."""
        return hmac.digest(self.newest.digest_key, digest, "sha256")

    def is_plain(self, payload: bytes) -> bool:
        """Tell whether a payload was stored in the clear; one whose first byte was altered was not."""
        return not looks_encrypted(payload) and FORMAT + payload[1:HEADER] not in self._ciphers

    def refusal(self, place: str, payload: bytes) -> DecryptionError:
        """Return the error for a payload that `decrypt` refuses; `place` is where it is."""
        head = f"{self.subject}, encrypted with key {self.wrapped_by!r}: {place}"
        if payload[:HEADER] in self._ciphers:
            return DecryptionError(
                f"{head} cannot be decrypted: it or its row was altered or moved. Nothing was changed. Restore it "
                "from a backup, or remove it."
            )
        if payload[:1] in _OLDER_FORMATS:
            return DecryptionError(
                f"{head} is in a format that this version of agent-session-store cannot read. Nothing was "
                f"changed. Read it with commit {READS_OLDER}."
            )
        return DecryptionError(
            f"{head} is encrypted with a data key that is missing, or was altered. Nothing was changed. "
            "Restore it from a backup, or remove it."
        )


def looks_encrypted(payload: bytes) -> bool:
    """Tell whether a payload is not text: empty, or with a first byte of an encrypted one."""
    return payload[:1] in {b"", *_OLDER_FORMATS, FORMAT}

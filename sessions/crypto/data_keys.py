"""Data keys: random keys, which belong to one subject and encrypt its payloads."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.errors import DecryptionError

if TYPE_CHECKING:
    from sessions.crypto.subject import Subject

KEY_BYTES: Final = 32
KEY_ID_BYTES: Final = 4


class DataKey(NamedTuple):
    """A subject's own key.

    Attributes:
        id: Tells it from the subject's other ones.
        key: For payloads.
        digest_key: For digests, by which equal contents are known again. All data keys of a subject have the same one.
    """

    id: bytes
    key: bytes
    digest_key: bytes

    def __repr__(self) -> str:
        return f"DataKey({self.id.hex()})"

    @property
    def secret(self) -> bytes:
        """The part that is kept wrapped: 64 bytes."""
        return self.key + self.digest_key


def new_data_key(digest_key: bytes | None = None) -> DataKey:
    """Return a random data key; with the digest key of another one, so that digests stay comparable."""
    return DataKey(
        secrets.token_bytes(KEY_ID_BYTES), secrets.token_bytes(KEY_BYTES), digest_key or secrets.token_bytes(KEY_BYTES)
    )


def data_key(subject: Subject, id_: bytes, secret: bytes) -> DataKey:
    """Return the data key of an unwrapped secret.

    Raises:
        DecryptionError: The secret cannot be one, as a faulty key provider returns it.
    """
    if not isinstance(secret, bytes) or len(secret) != 2 * KEY_BYTES:
        raise DecryptionError(
            f"{subject}: the key provider returned another secret than it was given to wrap. Nothing was "
            "changed. Check its wrap and unwrap."
        )
    return DataKey(id_, secret[:KEY_BYTES], secret[KEY_BYTES:])

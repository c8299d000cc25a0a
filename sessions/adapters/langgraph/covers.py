"""Covering rows with the cipher of an `EncryptedSerializer`: values, writes, metadata and all else of a user's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.checkpoints.covers import OWN, PLAIN, Cover
from sessions.errors import DecryptionError

if TYPE_CHECKING:
    from langgraph.checkpoint.serde.base import CipherProtocol

    from sessions.checkpoints.covers import Bound

_MOST: Final = 255


class CipherCovers:
    """Covers of threads by one cipher, which keeps its keys itself.

    The cipher binds nothing to its row: the ids of the row are not authenticated. The store's `encryption_key` does
    that.

    Args:
        cipher: LangGraph's interface: ``encrypt(plaintext)`` returns a name and a ciphertext.
    """

    source = None

    def __init__(self, cipher: CipherProtocol) -> None:
        self._cipher = cipher

    def unlock(self, thread_id: str, wrapped_keys: bytes | None) -> CipherCover:
        """Return the cover of a thread.

        Raises:
            DecryptionError: It is encrypted with the store's keys.
        """
        if wrapped_keys is not None:
            raise DecryptionError(
                f"thread {thread_id!r} is encrypted with the store's keys, not with this serializer. Nothing was "
                "read or changed. Open the store with its encryption_key, and without EncryptedSerializer."
            )
        return CipherCover(thread_id, self._cipher)

    def new_wrapped_keys(self, thread_id: str) -> None:
        """Return nothing: the cipher has its own key."""
        del thread_id


class CipherCover(Cover):
    """Contents under a serializer's cipher: a byte, the length of the cipher's name, the name, and the ciphertext."""

    def __init__(self, thread_id: str, cipher: CipherProtocol) -> None:
        self._thread_id = thread_id
        self._cipher = cipher

    def seal(self, plain: bytes, bound: Bound) -> bytes:
        """Return the bytes to be stored."""
        del bound
        name, ciphertext = self._cipher.encrypt(plain)
        label = name.encode()
        if len(label) > _MOST:
            raise ValueError(
                f"a cipher calls itself by a name of {len(label)} bytes. Nothing was stored. Use at most {_MOST}."
            )
        return OWN + bytes((len(label),)) + label + ciphertext

    def open(self, stored: bytes, bound: Bound) -> bytes:
        """Return the contents.

        Raises:
            DecryptionError: They are not encrypted, or the cipher refuses them.
        """
        if stored[:1] == PLAIN:
            raise DecryptionError(
                f"thread {self._thread_id!r}: its {bound[0]} is not encrypted. Nothing was read or changed. If it was "
                "stored before EncryptedSerializer was used, read it with the serializer that wrote it."
            )
        if stored[:1] == OWN and len(stored) > 1:
            end = 2 + stored[1]
            try:
                return self._cipher.decrypt(stored[2:end].decode(), stored[end:])
            except Exception:  # noqa: BLE001, S110 - the error of a cipher may show contents; ours follows
                pass
        raise DecryptionError(
            f"thread {self._thread_id!r}: its {bound[0]} cannot be decrypted. Nothing was changed. The key is another "
            "one, or the data was altered. Use the key that it was written with, or restore a backup."
        )

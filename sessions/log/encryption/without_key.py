"""Entries of an encrypted session for readers without the key: all columns but the payload."""

from __future__ import annotations

from typing import Any, Final

from sessions.codecs.json import JSONCodec
from sessions.errors import MissingKeyError
from sessions.log.encryption.payloads import Payloads, PlainPayloads
from sessions.log.encryption.session_encryption import SessionEncryption

HIDDEN: Final = "(encrypted)"
"""In place of a content."""

_KIND: Final = 3
"""The column of an entry with its kind."""

_JSON: Final = JSONCodec()


class WithoutKey(SessionEncryption):
    """In place of a session's encryption: it opens no payload, and says so in each."""

    def __init__(self) -> None:
        """Have no keys."""

    def unlock(self, session_id: str, wrapped_keys: bytes | None) -> Payloads:
        """Return payloads that are hidden; without wrapped keys, those in the clear."""
        if wrapped_keys is None:
            return PlainPayloads(session_id, lambda payload, _: payload)
        return HiddenPayloads(session_id)

    def new_wrapped_keys(self, session_id: str) -> bytes:
        """Refuse to make keys.

        Raises:
            MissingKeyError: Always.
        """
        raise _no_key(session_id)

    def newest_only(self, session_id: str, wrapped_keys: bytes) -> bytes:
        """Refuse to replace keys.

        Raises:
            MissingKeyError: Always.
        """
        del wrapped_keys
        raise _no_key(session_id)

    def check_plain_text(self, session_id: str) -> None:
        """Allow entries in the clear: they are read as they are."""


class HiddenPayloads(PlainPayloads):
    """The payloads of an encrypted session, each a message of its entry's kind that says that it is encrypted."""

    def __init__(self, session_id: str) -> None:
        super().__init__(session_id, lambda payload, _: payload)

    def encrypt(self, _: tuple[Any, ...]) -> tuple[Any, ...]:
        """Refuse to add an entry.

        Raises:
            MissingKeyError: Always.
        """
        raise _no_key(self._session_id)

    def encrypt_info(self, *_: object) -> bytes:
        """Refuse to set the info.

        Raises:
            MissingKeyError: Always.
        """
        raise _no_key(self._session_id)

    def open(self, entry: tuple[Any, ...]) -> bytes:
        """Return the message in place of an entry's payload, in the clear or not."""
        (payload,) = _JSON.encode_all([{"role": str(entry[_KIND]), "content": HIDDEN}])
        return payload

    def open_info(self, payload: bytes, _: bytes) -> bytes:
        """Refuse to read the info.

        Raises:
            MissingKeyError: Always.
        """
        del payload
        raise _no_key(self._session_id)


def _no_key(session_id: str) -> MissingKeyError:
    return MissingKeyError(
        f"session {session_id!r} is encrypted, but was opened without a key. Nothing was changed. Open it with "
        "open_store(…, encryption_key=…)."
    )

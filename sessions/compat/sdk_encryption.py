"""Reads items written by `EncryptedSession` of the OpenAI Agents SDK (0.24), so that they can be encrypted again.

Its items are ``{"__enc__": 1, "v": 1, "kid": "hkdf-v1", "payload": token}``. The token is Fernet's, under a key made by
HKDF-SHA256 of the master key, with the session's id as salt and ``agents.session-store.hkdf.v1`` as info. The master
key is the text that the user gave: decoded, if it is 32 bytes in base64 for URLs, else in UTF-8.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final

import msgspec
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sessions.errors import DecryptionError

if TYPE_CHECKING:
    from collections.abc import Iterable

_INFO: Final = b"agents.session-store.hkdf.v1"
_KEY_BYTES: Final = 32
_MICROSECONDS: Final = 1_000_000


class SDKTokens:
    """Decrypts items that the SDK encrypted with keys which users give here, too.

    Args:
        keys: The keys as they were given: the SDK knows them as text.
    """

    def __init__(self, keys: Iterable[str | bytes]) -> None:
        self._keys = tuple(keys)

    def decrypt(self, session_id: str, payload: bytes) -> tuple[bytes, int] | None:
        """Return an item and when it was encrypted; ``None`` if the payload is not an encrypted item of the SDK.

        Raises:
            DecryptionError: None of the keys decrypts it.
        """
        token = envelope_token(payload)
        if token is None:
            return None
        opened = open_token(token, session_id, self._keys)
        if opened is None:
            raise DecryptionError(
                f"session {session_id!r}: the given key does not decrypt an item that the OpenAI Agents SDK "
                "encrypted. Nothing was changed. Pass the key that encrypted it."
            )
        return opened


def envelope_token(payload: bytes) -> bytes | None:
    """Return the token of a payload that is an envelope; ``None`` for any other one."""
    if b"__enc__" not in payload:
        return None
    try:
        item: Any = msgspec.json.decode(payload)
    except (ValueError, RecursionError):
        return None
    if not isinstance(item, dict) or item.get("__enc__") != 1 or not isinstance(item.get("payload"), str):
        return None
    return str(item["payload"]).encode(errors="replace")


def open_token(token: bytes, session_id: str, keys: Iterable[str | bytes]) -> tuple[bytes, int] | None:
    """Return the item that a token holds, with whichever of the keys opens it; ``None`` if none does.

    Returns:
        The item as JSON, and when it was encrypted, in microseconds since 1970, UTC.
    """
    for key in keys:
        fernet = _fernet(key, session_id)
        try:
            return fernet.decrypt(token), fernet.extract_timestamp(token) * _MICROSECONDS
        except InvalidToken:
            continue
    return None


def _fernet(key: str | bytes, session_id: str) -> Fernet:
    derived = HKDF(SHA256(), _KEY_BYTES, session_id.encode(), _INFO).derive(_master(key))
    return Fernet(base64.urlsafe_b64encode(derived))


def _master(key: str | bytes) -> bytes:
    if isinstance(key, bytes):
        return key
    try:
        decoded = base64.urlsafe_b64decode(key)
    except (binascii.Error, ValueError):
        return key.encode()
    return decoded if len(decoded) == _KEY_BYTES else key.encode()

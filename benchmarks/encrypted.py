"""The sides with encryption: the limit encrypts each item with AES-GCM, ours and the SDK's are `EncryptedSession`.

Nothing expires on either: what is measured is encryption.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks import limit
from benchmarks.data import Item
from benchmarks.sides import Conversation, Side, opener

KEY = "4hKq2wZ0nX7c9bVfR1sT8uYpLmJgD6eA3iQoWxCzNtE="
TTL = 10 * 365 * 86_400

_cipher = AESGCM(bytes(range(32)))


def encode(item: Item) -> bytes:
    """JSON, encrypted with one key and a random nonce."""
    nonce = os.urandom(12)
    return nonce + _cipher.encrypt(nonce, limit.encode(item), None)


def decode(payload: bytes) -> Any:
    """The item."""
    return limit.decode(_cipher.decrypt(payload[:12], payload[12:], None))


class EncryptedLimitSession(limit.LimitSession):
    """The limit, with each item's bytes encrypted."""

    encode = staticmethod(encode)
    decode = staticmethod(decode)


def encrypted_opener(side: Side) -> Callable[[str, Path], Conversation]:
    """Returns what makes an encrypted session object: `(session_id, path)`."""
    if side == "limit":
        return EncryptedLimitSession
    plain = opener(side)

    def make(session_id: str, path: Path) -> Conversation:
        under = plain(session_id, path)
        session = encrypted(side, session_id, under)
        session.close = under.close
        return cast("Conversation", session)

    return make


def encrypted(side: Side, session_id: str, under: Any) -> Any:
    """An `EncryptedSession` of a side over one of its sessions."""
    if side == "ours":
        from sessions import EncryptedSession  # noqa: PLC0415 - a side is imported in its own process only

        return EncryptedSession(session_id, under, KEY, ttl=None)
    from agents.extensions.memory import EncryptedSession as Theirs  # noqa: PLC0415

    return Theirs(session_id, under, KEY, TTL)

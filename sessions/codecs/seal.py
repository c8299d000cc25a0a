"""A session's seal: its own keys, each wrapped, as its row holds them.

JSON in UTF-8: ``{"v": 1, "keys": [{"id": …, "at": …, "by": …, "wrapped": …}, …]}``, the newest key last. ``id`` is the
data key's four bytes in hexadecimal digits, ``at`` when it was made (seconds since 1970, UTC), ``by`` the id of the key
that it is wrapped with, ``wrapped`` what that made of the secret, in base64. The secret is 64 bytes: the key for
payloads and the key for digests.
"""

from __future__ import annotations

import base64
import secrets
from typing import Any, Final, NamedTuple

import msgspec

from sessions.codecs.sealed import KEY_BYTES, KEY_ID_BYTES, DataKey
from sessions.errors import DecryptionError

_VERSION: Final = 1


class WrappedKey(NamedTuple):
    """A data key as a seal holds it.

    Attributes:
        id: The data key's id.
        at: When it was made, in seconds since 1970, UTC.
        by: The id of the key that it is wrapped with.
        wrapped: The wrapped secret.
    """

    id: bytes
    at: int
    by: str
    wrapped: bytes


def new_data_key(digest_key: bytes | None = None) -> DataKey:
    """Return a random data key; with the digest key of another one, so that digests stay comparable."""
    return DataKey(
        secrets.token_bytes(KEY_ID_BYTES), secrets.token_bytes(KEY_BYTES), digest_key or secrets.token_bytes(KEY_BYTES)
    )


def secret_of(key: DataKey) -> bytes:
    """Return what of a data key is wrapped."""
    return key.key + key.digest_key


def data_key(session_id: str, id_: bytes, secret: bytes) -> DataKey:
    """Return the data key of an unwrapped secret.

    Raises:
        DecryptionError: It is none.
    """
    if not isinstance(secret, bytes) or len(secret) != 2 * KEY_BYTES:
        raise DecryptionError(
            f"session {session_id!r}: what its key provider returned is not the secret that it was given to wrap; "
            "nothing was changed"
        )
    return DataKey(id_, secret[:KEY_BYTES], secret[KEY_BYTES:])


def write_seal(keys: list[WrappedKey]) -> bytes:
    """Return the seal that holds keys, the newest last."""
    listed = [
        {"id": key.id.hex(), "at": key.at, "by": key.by, "wrapped": base64.b64encode(key.wrapped).decode()}
        for key in keys
    ]
    return msgspec.json.encode({"v": _VERSION, "keys": listed})


def read_seal(session_id: str, seal: bytes) -> list[WrappedKey]:
    """Return the keys of a seal, the newest last; there is one at least.

    Raises:
        DecryptionError: It is no seal.
    """
    try:
        found: Any = msgspec.json.decode(seal)
        keys = [
            WrappedKey(
                bytes.fromhex(key["id"]),
                int(key["at"]),
                str(key["by"]),
                base64.b64decode(key["wrapped"], validate=True),
            )
            for key in found["keys"]
        ]
        if found["v"] != _VERSION or not keys or any(len(key.id) != KEY_ID_BYTES for key in keys):
            raise ValueError("no seal")  # noqa: TRY301
    except (ValueError, TypeError, KeyError, RecursionError):
        raise DecryptionError(
            f"session {session_id!r}: its seal was altered, or made by a newer version of agent-sessions; nothing was "
            "changed. Upgrade, or restore it from a backup"
        ) from None
    return keys

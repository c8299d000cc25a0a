"""A session's seal: its own keys, each wrapped, as its row holds them.

JSON in UTF-8 without white space: ``{"v": 1, "keys": [{"id": …, "at": …, "by": …, "wrapped": …}, …], "mac": …}``, the
newest key last. ``id`` is the data key's four bytes in hexadecimal digits, ``at`` when it was made (seconds since 1970,
UTC), ``by`` the id of the key that it is wrapped with, ``wrapped`` what that made of the secret, in base64. The secret
is 64 bytes: the key for payloads and the key for digests. ``mac`` is the HMAC-SHA256 of ``sessions/seal/1/mac`` and the
same JSON without it, with the key for digests, in hexadecimal digits: so nobody without a key can reorder the keys or
alter when they were made.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from typing import Any, Final, NamedTuple

import msgspec

from sessions.errors import DecryptionError

KEY_BYTES: Final = 32
KEY_ID_BYTES: Final = 4

_VERSION: Final = 1
_MAC_INFO: Final = b"sessions/seal/1/mac"


class DataKey(NamedTuple):
    """A session's own key.

    Attributes:
        id: Tells it from the session's other ones.
        key: For payloads.
        digest_key: For what is remembered of items that came with an idempotency key.
    """

    id: bytes
    key: bytes
    digest_key: bytes

    def __repr__(self) -> str:
        return f"DataKey({self.id.hex()})"


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


def write_seal(keys: list[WrappedKey], digest_key: bytes) -> bytes:
    """Return the seal that holds keys, the newest last; they have this digest key."""
    return _written(keys, _mac(keys, digest_key))


def check_seal(session_id: str, seal: bytes, keys: list[WrappedKey], digest_key: bytes) -> None:
    """Go on if a seal is what `write_seal` made of the keys that `read_seal` found there, with this digest key.

    Raises:
        DecryptionError: It is not.
    """
    if not hmac.compare_digest(seal, write_seal(keys, digest_key)):
        raise _altered(session_id)


def _mac(keys: list[WrappedKey], digest_key: bytes) -> str:
    return hmac.digest(digest_key, _MAC_INFO + _written(keys), "sha256").hex()


def _written(keys: list[WrappedKey], mac: str | None = None) -> bytes:
    listed = [
        {"id": key.id.hex(), "at": key.at, "by": key.by, "wrapped": base64.b64encode(key.wrapped).decode()}
        for key in keys
    ]
    return msgspec.json.encode({"v": _VERSION, "keys": listed} | ({} if mac is None else {"mac": mac}))


def read_seal(session_id: str, seal: bytes) -> list[WrappedKey]:
    """Return the keys of a seal, the newest last; there is one at least. `check_seal` says whether they can be trusted.

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
        raise _altered(session_id) from None
    return keys


def _altered(session_id: str) -> DecryptionError:
    return DecryptionError(
        f"session {session_id!r}: its seal was altered, or made by a newer version of agent-sessions; nothing was "
        "changed. Upgrade, or restore it from a backup"
    )

"""A subject's data keys as they are stored: each wrapped, all in one text.

JSON in UTF-8 without white space: ``{"v": 2, "keys": [{"id": …, "at": …, "by": …, "wrapped": …}, …], "mac": …}``, the
newest key last. ``id`` is the data key's four bytes in hexadecimal digits, ``at`` when it was made (seconds since 1970,
UTC), ``by`` the id of the key that it is wrapped with, ``wrapped`` the wrapped secret in base64. The secret is 64
bytes: the key for payloads and the key for digests. ``mac`` is the HMAC-SHA256 of ``sessions/keys/2/mac`` and the same
JSON without it, with the key for digests, in hexadecimal digits: so only holders of a key can reorder the keys or alter
their dates.
"""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from sessions.crypto.data_keys import KEY_ID_BYTES
from sessions.errors import DecryptionError

if TYPE_CHECKING:
    from sessions.crypto.subject import Subject

READS_OLDER: Final = "24a519a"
"""The last commit of this package that reads the formats before this one; no release ever wrote them."""

_VERSION: Final = 2
_MAC_INFO: Final = b"sessions/keys/2/mac"


class WrappedKey(NamedTuple):
    """A data key as it is stored.

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


def write_wrapped_keys(keys: list[WrappedKey], digest_key: bytes) -> bytes:
    """Return the text that holds keys, the newest last; they have this digest key."""
    mac = hmac.digest(digest_key, _MAC_INFO + _written(keys), "sha256").hex()
    return _written(keys, mac)


def check_wrapped_keys(subject: Subject, text: bytes, keys: list[WrappedKey], digest_key: bytes) -> None:
    """Check that `write_wrapped_keys` made a text of the keys that `read_wrapped_keys` found there.

    Raises:
        DecryptionError: It did not.
    """
    if not hmac.compare_digest(text, write_wrapped_keys(keys, digest_key)):
        raise _altered(subject)


def read_wrapped_keys(subject: Subject, text: bytes) -> list[WrappedKey]:
    """Return the keys of a text, at least one, the newest last. `check_wrapped_keys` tells whether they can be trusted.

    Raises:
        DecryptionError: It holds no such keys.
    """
    try:
        found: Any = msgspec.json.decode(text)
        version = found["v"]
        keys = [
            WrappedKey(
                bytes.fromhex(key["id"]),
                int(key["at"]),
                str(key["by"]),
                base64.b64decode(key["wrapped"], validate=True),
            )
            for key in found["keys"]
        ]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise _altered(subject) from None
    if version == 1:
        raise DecryptionError(
            f"{subject}: its keys are wrapped in a format that this version of agent-session-store cannot "
            f"read. Nothing was changed. Read it with commit {READS_OLDER}."
        )
    if version != _VERSION or not keys or any(len(key.id) != KEY_ID_BYTES for key in keys):
        raise _altered(subject)
    return keys


def _written(keys: list[WrappedKey], mac: str | None = None) -> bytes:
    listed = [
        {"id": key.id.hex(), "at": key.at, "by": key.by, "wrapped": base64.b64encode(key.wrapped).decode()}
        for key in keys
    ]
    return msgspec.json.encode({"v": _VERSION, "keys": listed} | ({} if mac is None else {"mac": mac}))


def _altered(subject: Subject) -> DecryptionError:
    return DecryptionError(
        f"{subject}: its wrapped keys were altered, or a newer version of agent-session-store made them. "
        "Nothing was changed. Upgrade, or restore a backup."
    )

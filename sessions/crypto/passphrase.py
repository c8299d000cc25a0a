"""Passphrases, stretched with scrypt (RFC 7914) so that each guess costs time and memory."""

from __future__ import annotations

import os
import threading
from typing import Any, Final, Protocol

import msgspec
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from sessions.errors import DecryptionError

_SALT_BYTES: Final = 16
_KEY_BYTES: Final = 32
_LOG2_N: Final = 17
_R: Final = 8
_P: Final = 1
"""n = 2**17, r = 8, p = 1 are the strongest of those that the OWASP Password Storage Cheat Sheet recommends."""

_MOST: Final = 20
"""The largest log2 of n that is taken from a database: 1 GiB."""


class Passphrase:
    """A text from which a key is made."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return "Passphrase(…)"


class Stretch(Protocol):
    """Makes a key of 32 bytes of a passphrase."""

    def __call__(self, passphrase: Passphrase, /) -> bytes:
        """Return the key."""
        ...


def new_parameters(salt: bytes | None = None) -> bytes:
    """Return parameters for stretching, with a random salt if none is given, as a store keeps them: JSON."""
    salt = salt or os.urandom(_SALT_BYTES)
    return msgspec.json.encode({"kdf": "scrypt", "log2_n": _LOG2_N, "r": _R, "p": _P, "salt": salt.hex()})


class Stretcher:
    """Stretches passphrases with a store's parameters, each once in a process. It blocks for a third of a second.

    Args:
        parameters: The result of `new_parameters`.

    Raises:
        DecryptionError: They are invalid or too weak, so they were altered.
    """

    _known: dict[tuple[bytes, str], bytes] = {}  # noqa: RUF012 - all share it
    _lock = threading.Lock()

    def __init__(self, parameters: bytes) -> None:
        try:
            found: Any = msgspec.json.decode(parameters)
            salt, log2_n, r, p = bytes.fromhex(found["salt"]), found["log2_n"], found["r"], found["p"]
            weaker = found["kdf"] != "scrypt" or len(salt) < _SALT_BYTES or type(log2_n) is not int
            if weaker or not _LOG2_N <= log2_n <= _MOST or (r, p) != (_R, _P):
                raise ValueError("altered")  # noqa: TRY301
        except (ValueError, TypeError, KeyError, RecursionError):
            raise DecryptionError(
                "the store's settings for stretching passphrases were altered. Nothing was changed. Restore them "
                "from a backup."
            ) from None
        self._parameters = parameters
        self._salt, self._n = salt, 1 << log2_n

    def __call__(self, passphrase: Passphrase, /) -> bytes:
        """Return the key."""
        known = self._parameters, passphrase.text
        with self._lock:
            if known not in self._known:
                scrypt = Scrypt(self._salt, _KEY_BYTES, self._n, _R, _P)
                self._known[known] = scrypt.derive(passphrase.text.encode())
            return self._known[known]

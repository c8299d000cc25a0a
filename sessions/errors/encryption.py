"""Errors about keys and encrypted data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.errors.base import SessionsError

if TYPE_CHECKING:
    from typing import Any


class MissingKeyError(SessionsError):
    """The session is encrypted but was opened without a key. Nothing was changed."""


class DecryptionError(SessionsError):
    """An encrypted session cannot be read: the key is wrong, or the stored data was altered. Nothing was changed."""


class RotationIncompleteError(DecryptionError):
    """The given keys do not open some sessions; all other sessions were rotated. Keep the old keys.

    Attributes:
        rotation: The result so far, as a `Rotation`; its `failed` names the sessions that were left unchanged.
    """

    def __init__(self, message: str, rotation: Any = None) -> None:
        super().__init__(message)
        self.rotation = rotation


class PlainTextRefusedError(SessionsError, ValueError):
    """An encrypted session was not exported, as its content would be plain text there."""


class WeakKeyWarning(UserWarning):
    """A passphrase is used in place of a random key."""

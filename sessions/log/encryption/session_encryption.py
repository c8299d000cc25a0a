"""The encryption of sessions: the source of their keys, and the rules for plain text.

A session's row holds its wrapped keys, as `crypto/wrapped_keys.py` writes them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from sessions.crypto.subject import Subject
from sessions.crypto.subject_keys import FIRST_BYTES
from sessions.errors import DecryptionError
from sessions.log.encryption.payloads import EncryptedPayloads, PlainPayloads

if TYPE_CHECKING:
    from sessions.crypto.key_manager import KeyManager
    from sessions.log.encryption.payloads import Payloads

SESSION: Final = "session"
"""The kind of subject that a session is."""


class SDKItems(Protocol):
    """Decrypts items that the OpenAI Agents SDK encrypted."""

    def decrypt(self, session_id: str, payload: bytes) -> tuple[bytes, int] | None:
        """Return an item and when it was encrypted; ``None`` if the payload is not an encrypted item of the SDK.

        Raises:
            DecryptionError: No key here decrypts it.
        """
        ...


class SessionEncryption:
    """Encrypts and decrypts the sessions of one database.

    Args:
        keys: Has the sessions' keys.
        sdk_items: Decrypts items that the OpenAI Agents SDK encrypted, when its sessions are adopted.
        allow_plain_text: An encrypted session may hold entries in the clear.
        hide_tool_names: Keep tools' names out of the clear.

    Attributes:
        keys: Has the sessions' keys.
        first_bytes: Encrypted payloads begin with one of these two bytes, or one between them.
    """

    first_bytes = FIRST_BYTES

    @property
    def allows_plain_text(self) -> bool:
        """Whether an encrypted session may hold entries in the clear."""
        return self._allow_plain_text

    def __init__(
        self, keys: KeyManager, sdk_items: SDKItems, *, allow_plain_text: bool, hide_tool_names: bool = False
    ) -> None:
        self.keys = keys
        self._sdk_items = sdk_items
        self._allow_plain_text = allow_plain_text
        self._hide_tool_names = hide_tool_names

    def unlock(self, session_id: str, wrapped_keys: bytes | None) -> Payloads:
        """Return a session's payloads: they are encrypted and decrypted; without wrapped keys, read in the clear only.

        Raises:
            DecryptionError: None of the keys here wrapped them, or they were altered.
            KeyWanted: The keys have to be fetched first.
        """
        if wrapped_keys is None:
            return PlainPayloads(session_id, partial(self._plain, session_id, ""))
        keys = self.keys.unlock(subject_of(session_id), wrapped_keys)
        plain = partial(self._plain, session_id, f", encrypted with key {keys.wrapped_by!r}")
        return EncryptedPayloads(keys, hide_tool_names=self._hide_tool_names, plain=plain)

    def new_wrapped_keys(self, session_id: str) -> bytes:
        """Return wrapped keys for a session that has none.

        Raises:
            KeyWanted: The keys have to be fetched first.
        """
        return self.keys.new_keys(subject_of(session_id))

    def newest_only(self, session_id: str, wrapped_keys: bytes) -> bytes:
        """Return wrapped keys with only the newest data key.

        Raises:
            DecryptionError: None of the keys here wrapped them, or they were altered.
            KeyWanted: The keys have to be fetched first.
        """
        return self.keys.newest_only(subject_of(session_id), wrapped_keys)

    def check_plain_text(self, session_id: str) -> None:
        """Refuse a session that holds entries in the clear, unless that is allowed.

        Raises:
            DecryptionError: It is not.
        """
        if not self._allow_plain_text:
            raise DecryptionError(
                f"session {session_id!r} has unencrypted entries, but is opened with a key. Nothing was changed. "
                "To encrypt them, open it with allow_plain_text=True and call rotate(reencrypt=True)."
            )

    def open_sdk_item(self, session_id: str, payload: bytes) -> tuple[bytes, int | None]:
        """Return an item that the OpenAI Agents SDK stored, encrypted or not, and when that was, if it was.

        Raises:
            DecryptionError: No key here decrypts it, or it is in the clear and may not be.
        """
        opened = self._sdk_items.decrypt(session_id, payload)
        if opened is None:
            self.check_plain_text(session_id)
            return payload, None
        return opened

    def _plain(self, session_id: str, encrypted: str, payload: bytes, place: str) -> bytes:
        """Return a payload in the clear, if that is allowed; `encrypted` and `place` are for the error."""
        if not self._allow_plain_text:
            raise DecryptionError(
                f"session {session_id!r}{encrypted}: {place} is not encrypted, but the session is opened "
                "with a key. Nothing was changed. To allow this while sessions are being encrypted, open it with "
                "allow_plain_text=True."
            )
        return self.open_sdk_item(session_id, payload)[0]


def subject_of(session_id: str) -> Subject:
    """Return the subject whose keys a session has."""
    return Subject(SESSION, session_id)

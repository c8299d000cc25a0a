"""Which sessions are verified, and how their payloads are opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.crypto.unlocking import Locked, Unlocking
from sessions.db.transaction import Statement
from sessions.db.verification import number_of
from sessions.log.encryption.session_encryption import subject_of

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Codec
    from sessions.log.encryption.payloads import Payloads
    from sessions.log.encryption.session_encryption import SessionEncryption

NUMBER_OF: Final = Statement(
    "The number of a session.",
    "select id from {sessions} where session_id = :session_id",
)

HIGHEST: Final = (1 << 63) - 1


class Reading:
    """The sessions to verify, and their keys.

    Args:
        codec: How items are read.
        encryption: How sessions are encrypted, if there are keys for them.
        session_id: The only session to verify; all, if ``None``.

    Attributes:
        unlocking: Opens the keys of subjects of any kind, for the checks of other components.
    """

    def __init__(self, codec: Codec, encryption: SessionEncryption | None, session_id: str | None = None) -> None:
        self.codec = codec
        self.encryption = encryption
        self.session_id = session_id
        self.unlocking = Unlocking(None if encryption is None else encryption.keys)

    def allows_plain_text(self) -> bool:
        """Return whether what is encrypted may hold payloads in the clear."""
        return self.encryption is None or self.encryption.allows_plain_text

    def bounds(self, tx: Transaction, after: str) -> tuple[int, int] | None:
        """Return the numbers of sessions that are left: behind the first, up to the second; ``None`` without any."""
        last = HIGHEST
        first = number_of(after)
        if self.session_id is not None:
            row = tx.one(NUMBER_OF, session_id=self.session_id)
            if row is None:
                return None
            first, last = max(first, row[0] - 1), row[0]
        return (first, last) if first < last else None

    def open(self, session_id: str, wrapped_keys: bytes | None) -> Payloads | Locked | None:
        """Return the payloads of a session; ``None`` if it is not encrypted.

        Raises:
            KeyWanted: Its keys have to be fetched first.
        """
        if wrapped_keys is None:
            return None
        encryption = self.encryption
        if encryption is None:
            return Locked()
        wrapped = bytes(wrapped_keys)
        return self.unlocking.opened(subject_of(session_id), wrapped, lambda: encryption.unlock(session_id, wrapped))


def text_or_none(stored: str | bytes | None) -> str | None:
    """Return a stored text; ``None`` if it is missing, or is no Unicode text."""
    if stored is None or isinstance(stored, str):
        return stored
    try:
        return bytes(stored).decode()
    except ValueError:
        return None


def name_of_session(stored: str | bytes | None) -> str | None:
    """Return a stored session id for a finding, with replacements for bytes that are not text."""
    return stored if stored is None or isinstance(stored, str) else bytes(stored).decode(errors="replace")

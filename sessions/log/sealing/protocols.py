"""What the log asks of encryption: a session's key, which seals and opens its entries' payloads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.db.transaction import Row


class SessionKey(Protocol):
    """Seals and opens the payloads of one session.

    An entry is a row of the columns of ``{entry}``: its id, version, turn, kind, tool name, author, created_at,
    expires_at and payload.
    """

    @property
    def beginnings(self) -> tuple[bytes, bytes]:
        """What payloads begin with that are sealed with the newest data key: one of these."""
        ...

    def seal(self, entry: Row, /) -> Row:
        """Return an entry with its payload sealed, to be stored as it is."""
        ...

    def open(self, entry: Row, /) -> bytes:
        """Return the payload of a stored entry; raise `DecryptionError` if it is not what was stored there."""
        ...

    def open_all(self, rows: Sequence[Row], /) -> list[bytes]:
        """Return the payloads of stored entries; raise `DecryptionError` if one is not what was stored there."""
        ...

    @property
    def overhead(self) -> int:
        """What is taken off each payload's length in a joined page of `entry_statements.SEALED_BACKWARD`."""
        ...

    @property
    def cut(self) -> str:
        """What these lengths are joined with."""
        ...

    def open_joined(self, count: int, payloads: bytes, lengths: str, columns: bytes, /) -> list[bytes]:
        """Return the payloads of the `count` entries of such a page.

        It raises `ValueError` if it takes all columns of each to tell whether it is what was stored there.
        """
        ...

    def tool_name(self, entry: Row, /) -> str | None:
        """Return the tool's name, where that is sealed, too."""
        ...

    def digest(self, digest: bytes) -> bytes:
        """Return what is stored for the digest of items, from which nobody can tell them without the key."""
        ...


class Vault(Protocol):
    """Has the keys of sealed sessions. A session's row holds its seal: its own key, wrapped."""

    @property
    def formats(self) -> Sequence[bytes]:
        """What sealed payloads begin with, whatever the key: one of these bytes, which follow one another."""
        ...

    def unlock(self, session_id: str, seal: bytes | None) -> SessionKey:
        """Return the key of a session; without a seal, one that opens nothing but what is in the clear, if it may be.

        Raises:
            DecryptionError: None of the keys here is that of the seal, or the seal was altered.
            KeyWanted: The key has to be fetched first.
        """
        ...

    def newest_only(self, session_id: str, seal: bytes) -> bytes:
        """Return a seal that holds the newest data key of another one, and no other.

        Raises:
            DecryptionError: None of the keys here is that of the seal, or the seal was altered.
            KeyWanted: The key has to be fetched first.
        """
        ...

    def allow_plain_text(self, session_id: str) -> None:
        """Go on if a sealed session may hold entries in the clear; raise `DecryptionError` if not."""
        ...

    def open_foreign(self, session_id: str, payload: bytes) -> tuple[bytes, int | None]:
        """Return an item that the OpenAI Agents SDK stored, encrypted or not, and when that was, if it was.

        Raises:
            DecryptionError: No key here opens it, or it is in the clear and may not be.
        """
        ...

    def new_seal(self, session_id: str) -> bytes:
        """Return a seal for a session that has none.

        Raises:
            KeyWanted: The key has to be fetched first.
        """
        ...

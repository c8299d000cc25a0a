"""How a session's entries are read: which of them are still there, and how their payloads are opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from sessions.errors import MissingKeyError
from sessions.log.statements import entries as entry_statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.db.transaction import Row, Statement, Transaction
    from sessions.log.conversation import Conversation, JoinedCodec
    from sessions.log.encryption.payloads import Payloads


UNREADABLE: Final = object()
"""In place of an item that could not be decoded."""

_AT_ONCE: Final = 256
"""Payloads opened at once: as many as a core's cache holds until they are decoded."""


class Page(NamedTuple):
    """The latest entries of a range of ids, as they are stored.

    Attributes:
        rows: The rows that `Reader.backward` fetched.
        joined: Whether that is one row, in which payloads are joined.
        length: How many entries there are.
        low: They have ids beyond this one.
        high: And up to this one.
    """

    rows: list[Row]
    joined: bool
    length: int
    low: int
    high: int


class Reader:
    """Reads entries of a session that is not encrypted.

    Attributes:
        visible: The parameters of statements that leave expired entries out.
        backward: The statement that fetches the rows for `open_page`.
    """

    __slots__ = ("_decoder", "_joined_on", "_joining", "backward", "visible")

    backward: Statement

    def __init__(self, conversation: Conversation) -> None:
        self.visible = conversation.visible
        self._decoder = conversation.codec
        # To ask whether it is a `JoinedCodec` takes as long as a read of a few items.
        joint: str | None = getattr(self._decoder, "joint", None)
        self._joining: dict[str, Any] = {"joint": joint}
        self.backward = entry_statements.PAYLOADS_BACKWARD if joint is None else entry_statements.JOINED_BACKWARD
        self._joined_on = frozenset[str]() if joint is None else entry_statements.JOINED_ON

    @property
    def session_key(self) -> Payloads | None:
        """The key of the session's payloads; ``None`` if it is not encrypted."""
        return None

    def is_live(self, created_at: int, expires_at: int | None) -> bool:
        """Tell whether an entry has not expired, like the condition `{live}` of the statements."""
        return created_at > self.visible["oldest"] and (expires_at is None or expires_at > self.visible["now"])

    def page(self, tx: Transaction, low: int, high: int, count: int) -> Page:
        """Fetch the latest `count` entries with ids beyond `low` and up to `high`, or the latest of these."""
        rows = tx.all(self.backward, low=low, high=high, count=count, **self._joining, **self.visible)
        joined = tx.database in self._joined_on
        if joined:
            oldest, found, *_ = rows[0]
        else:
            oldest, found = rows[-1][0] if rows else None, len(rows)
        return Page(rows, joined, found, low if oldest is None else oldest - 1, high)

    def open_page(self, page: Page) -> list[Any]:
        """Return the items of a page, the newest first.

        It raises `ValueError` if one of them cannot be decoded, or if it takes all columns of its row to tell.

        Raises:
            DecryptionError: A payload was altered.
        """
        return self._open_joined(page.rows[0]) if page.joined else self.open_all(page.rows)

    def open_all(self, rows: Sequence[Row]) -> list[Any]:
        """Return the items of rows whose last column is the payload; of an encrypted session, rows of all columns.

        It raises `ValueError` if one of them cannot be decoded.

        Raises:
            DecryptionError: A payload was altered.
        """
        return self._decoder.decode_all([row[-1] for row in rows])

    def open(self, row: Row) -> Any:
        """Return the item of a row of all columns; raise `ValueError` if it cannot be decoded.

        Raises:
            DecryptionError: The payload was altered.
        """
        return self._decoder.decode(self.payload(row))

    def open_or_unreadable(self, row: Row) -> Any:
        """Return the item of a row of all columns, or `UNREADABLE` if it cannot be decoded.

        Raises:
            DecryptionError: The payload was altered.
        """
        return self.decode_or_unreadable(self.payload(row))

    def payload(self, row: Row) -> bytes:
        """Return the payload of a row of all columns, as it was before it was encrypted.

        Raises:
            DecryptionError: It was altered.
        """
        payload: bytes = row[-1]
        return payload

    def open_with_name(self, row: Row) -> tuple[str | None, bytes]:
        """Return the tool's name and the payload of a row of all columns, as they were before it was encrypted.

        Raises:
            DecryptionError: They were altered.
        """
        return row[4], row[-1]

    def decode_or_unreadable(self, payload: bytes) -> Any:
        """Return the item of an opened payload, or `UNREADABLE` if it cannot be decoded."""
        try:
            return self._decoder.decode(payload)
        except ValueError:
            return UNREADABLE

    def _open_joined(self, row: Row) -> list[Any]:
        _, count, payloads = row
        return cast("JoinedCodec", self._decoder).decode_joined(payloads or b"", count)


class EncryptedReader(Reader):
    """Reads entries of an encrypted session."""

    __slots__ = ("_payloads",)

    def __init__(self, conversation: Conversation, payloads: Payloads) -> None:
        super().__init__(conversation)
        self._payloads = payloads
        self._joining = {"overhead": payloads.overhead, "cut": payloads.cut}
        self.backward = entry_statements.ENCRYPTED_BACKWARD
        self._joined_on = entry_statements.JOINED_ON

    @property
    def session_key(self) -> Payloads | None:
        """The key of the session's payloads."""
        return self._payloads

    def open_all(self, rows: Sequence[Row]) -> list[Any]:
        """Return the items of rows of all columns."""
        items: list[Any] = []
        for first in range(0, len(rows), _AT_ONCE):
            items += self._decoder.decode_all(self._payloads.open_all(rows[first : first + _AT_ONCE]))
        return items

    def payload(self, row: Row) -> bytes:
        """Return the payload of a row of all columns, decrypted."""
        return self._payloads.open(row)

    def open_with_name(self, row: Row) -> tuple[str | None, bytes]:
        """Return the tool's name and the payload of a row of all columns, decrypted."""
        return self._payloads.open_with_name(row)

    def _open_joined(self, row: Row) -> list[Any]:
        _, count, joined, lengths, columns = row
        return self._decoder.decode_all(self._payloads.open_joined(count, joined or b"", lengths or "", columns or b""))


def unlock(conversation: Conversation, wrapped_keys: bytes | None) -> Payloads | None:
    """Return the key of a session; ``None`` if it is not encrypted, and need not be.

    Raises:
        MissingKeyError: It is encrypted, and was opened without a key.
        DecryptionError: It is encrypted with another key.
    """
    if conversation.encryption is not None:
        return conversation.encryption.unlock(conversation.session_id, wrapped_keys)
    if wrapped_keys is not None:
        raise MissingKeyError(
            f"session {conversation.session_id!r} is encrypted, but was opened without a key. Nothing was "
            "changed. Open it with EncryptedSession, or with open_store(…, encryption_key=…)."
        )
    return None


def reader_of(conversation: Conversation, wrapped_keys: bytes | None) -> Reader:
    """Return the reader of a session's entries.

    Raises:
        MissingKeyError: It is encrypted, and was opened without a key.
        DecryptionError: It is encrypted with another key.
    """
    key = unlock(conversation, wrapped_keys)
    return Reader(conversation) if key is None else EncryptedReader(conversation, key)

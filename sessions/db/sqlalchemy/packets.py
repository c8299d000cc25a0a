"""MariaDB's limit on the bytes of one statement, and so of one payload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sessions.db.transaction import Statement
from sessions.errors import StoreError

if TYPE_CHECKING:
    from sessions.db.command import Command
    from sessions.db.transaction import Transaction

MAX_PACKET: Final = Statement("The most bytes that this connection may send at once.", "select @@max_allowed_packet")

_ASKED_FROM: Final = 500_000
"""Bytes of a command from which on the server is asked. Its default is 16 MiB; it was 1 MiB long ago."""

_STATEMENT: Final = 4_096
"""Bytes of the statement around a payload, at most."""

_ESCAPED: Final = (b'"', b"\\", b"'", b"\0", b"\n", b"\r", b"\x1a")
"""The drivers send values as text, and a backslash before each of these."""


def check_packet(tx: Transaction, command: Command[Any], where: str) -> None:
    """Refuse a command that the server would not accept.

    The server ends the connection of a client that sends too much. Most drivers see only that it was lost, and not why.

    Raises:
        StoreError: A payload is too large.
    """
    if command.size < _ASKED_FROM:
        return
    row = tx.one(MAX_PACKET)
    allowed = int(row[0]) if row else 0
    for payload in command.payloads:
        size = len(payload)
        # Twice the size at most, so smaller ones need not be counted.
        if 2 * size + _STATEMENT > allowed and size + _escapes(payload) + _STATEMENT > allowed:
            raise StoreError(
                f"an item of {size:,} bytes is too large for {where}, which accepts {allowed:,} bytes in one "
                "statement. Nothing was changed. Raise max_allowed_packet on the server, for new connections."
            )


def _escapes(payload: bytes) -> int:
    return sum(payload.count(byte) for byte in _ESCAPED)

"""Correcting the messages in the OpenAI Agents SDK's tables of which a session is a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.errors import DecryptionError
from sessions.log.adopt.sdk_tables import read_messages, replace_message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation, ForeignTables


def replace_messages(
    tx: Transaction, conversation: Conversation, tables: ForeignTables, payloads: Mapping[bytes, bytes | None]
) -> tuple[int, int]:
    """Replace the payloads of a session's messages, or remove the messages where the other one is ``None``.

    A message was copied byte by byte, so it is found by its content: every message with the same one is corrected. One
    that the SDK encrypted is removed in either case, as only the SDK encrypts as it does.

    Returns:
        How many messages that were, and how many cannot be read.
    """
    session_id, encryption = conversation.session_id, conversation.encryption
    found = sealed = 0
    for message in read_messages(tx, session_id, tables, conversation.now):
        payload = message.payload
        try:
            opened = payload if encryption is None else encryption.open_sdk_item(session_id, payload)[0]
        except DecryptionError:
            sealed += 1
            continue
        if opened in payloads:
            other = payloads[opened] if opened == payload else None
            replace_message(tx, session_id, tables, message.id, None if other is None else other.decode())
            found += 1
    return found, sealed

"""Adopting all sessions of the OpenAI Agents SDK, one by one: listing them, and copying one with all its data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from sessions.errors import StoreError
from sessions.log.adopt.messages import copy_over
from sessions.log.adopt.sdk_tables import has_messages, list_ids, list_without_messages, read_messages
from sessions.log.conversation import ForeignTables
from sessions.log.core.locking import lock_session
from sessions.validation import check_session_id

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.adopt.messages import Copied
    from sessions.log.conversation import Conversation

PAGE = 5000
"""Messages whose sessions are looked for in one transaction."""


class Found(NamedTuple):
    """Sessions that were found in a page of messages.

    Attributes:
        ids: Their ids, in the order of their first messages there.
        unusable: Ids that no session can have here, made readable, and why.
        after: Where the next page begins; ``None`` after the last.
    """

    ids: list[str]
    unusable: list[tuple[str, str]]
    after: int | None


def find_sessions(tx: Transaction, tables: ForeignTables, after: int | None) -> Found:
    """Return the sessions of the next page of messages.

    Raises:
        StoreError: A table that the user named is not there, or not one of the SDK's.
    """
    rows = list_ids(tx, tables, after, PAGE)
    if rows is None:
        if tables != ForeignTables():
            raise StoreError(
                f"the store: the OpenAI Agents SDK's table {tables.messages} is missing. Nothing was changed. "
                "Check messages_table."
            )
        return Found([], [], None)
    ids, unusable = _sorted_out(dict.fromkeys(bytes(id_ or b"") for _, id_ in rows))
    return Found(ids, unusable, rows[-1][0] if len(rows) == PAGE else None)


def find_empty(tx: Transaction, tables: ForeignTables) -> list[str]:
    """Return the ids of sessions that have no messages, made readable."""
    return [bytes(id_ or b"").decode(errors="replace") for (id_,) in list_without_messages(tx, tables)]


def adopt(tx: Transaction, conversation: Conversation, now: int) -> Copied | str | None:
    """Adopt a session, unless it is here already.

    Returns:
        The numbers of copied rows; or the reason for skipping it; or ``None`` if it is here.
    """
    if lock_session(tx, conversation.session_id) is not None:
        return None
    tables = conversation.elsewhere.tables
    if not has_messages(tx, conversation.session_id, tables):
        return "the SDK has deleted it since"
    if conversation.encryption is None:
        messages = read_messages(tx, conversation.session_id, tables, now)
        if any(_is_envelope(message.payload) for message in messages):
            return "it is encrypted: open the store with the SDK's encryption_key"
    return copy_over(tx, conversation, tables, now)


def _sorted_out(found: dict[bytes, None]) -> tuple[list[str], list[tuple[str, str]]]:
    ids, unusable = [], []
    for data in found:
        try:
            ids.append(check_session_id(data.decode()))
        except ValueError as error:
            unusable.append((data.decode(errors="replace"), f"no session can have this id here: {error}"))
    return ids, unusable


def _is_envelope(payload: bytes) -> bool:
    """Tell whether a message was encrypted by the SDK."""
    if b"__enc__" not in payload:
        return False
    try:
        item: Any = msgspec.json.decode(payload)
    except (ValueError, RecursionError):
        return False
    return isinstance(item, dict) and item.get("__enc__") == 1

"""Copying a session of the OpenAI Agents SDK: its messages, its branches and their usage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sessions.items.calls import classify_with_formats
from sessions.items.kinds import UNKNOWN
from sessions.log.adopt.branches import arrange, put_branches
from sessions.log.adopt.sdk_tables import read_created_at, read_messages, read_places, read_spent
from sessions.log.adopt.usage import put_usage
from sessions.log.core.extend import NewEntry
from sessions.log.core.locking import create_session

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.items.kinds import Classified
    from sessions.log.adopt.sdk_tables import Message
    from sessions.log.conversation import Codec, Conversation, ForeignTables


class Copied(NamedTuple):
    """How much was copied; of the items, so many cannot be read."""

    items: int
    branches: int
    usage: int
    unreadable: int


def copy_over(tx: Transaction, conversation: Conversation, tables: ForeignTables, now: int) -> Copied | None:
    """Make a session of the messages there, unless another process is first: then return ``None``."""
    session_id, codec, encryption = conversation.session_id, conversation.codec, conversation.encryption
    messages = read_messages(tx, session_id, tables, now)
    if encryption is not None:
        messages = [
            _opened(message, now, *encryption.open_sdk_item(session_id, message.payload)) for message in messages
        ]
    began = min((message.created_at for message in messages), default=now)
    created_at = read_created_at(tx, session_id, tables, now, otherwise=began)
    active_at = max((message.created_at for message in messages), default=now)
    # The first caller does not become its owner by adopting it.
    ownerless = conversation._replace(owner=None)
    locked = create_session(tx, ownerless, now, created_at=created_at, active_at=active_at)
    if not locked.is_new:
        return None
    branches = arrange(messages, read_places(tx, session_id, tables, now), now)
    entries, unreadable = _as_entries(messages, codec)
    put_branches(tx, locked, branches, entries, now=now)
    spent = read_spent(tx, session_id, tables, now)
    put_usage(tx, locked, branches, spent, codec)
    return Copied(len(messages), len(branches), len(spent), unreadable)


def _opened(message: Message, now: int, payload: bytes, encrypted_at: int | None) -> Message:
    """Return a message as it was before the SDK encrypted it, made when it was encrypted; `now` at the latest."""
    return message._replace(payload=payload, created_at=min(encrypted_at or message.created_at, now))


def _as_entries(messages: list[Message], codec: Codec) -> tuple[list[tuple[NewEntry, int]], int]:
    """Return messages as entries, each with its time, and how many cannot be decoded.

    An undecodable message is stored unchanged, and reported when it is read.
    """
    items: list[dict[str, Any] | None] = []
    for message in messages:
        try:
            items.append(codec.decode(message.payload))
        except ValueError:
            items.append(None)
    known = zip(*classify_with_formats([item for item in items if item is not None]), strict=True)
    unknown: tuple[Classified, str | None] = (UNKNOWN, None), None
    entries = []
    for message, item in zip(messages, items, strict=True):
        (kind, tool), format_ = unknown if item is None else next(known)
        entries.append((NewEntry(message.payload, kind, tool, format=format_), message.created_at))
    return entries, items.count(None)

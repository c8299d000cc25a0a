"""Read: the latest items of a branch, in one snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sessions.log.branch import EVERYTHING, find_head, walk_back
from sessions.log.takeover import is_waiting

if TYPE_CHECKING:
    from sessions.log.conversation import Conversation
    from sessions.log.transaction import Transaction


class Tail(NamedTuple):
    """What was read.

    Attributes:
        items: The items, oldest first.
        undecodable: The positions of entries that could not be decoded, newest first. They count in no limit.
    """

    items: list[Any]
    undecodable: list[int]


def read_tail(tx: Transaction, conversation: Conversation, limit: int | None) -> Tail | None:
    """Return the latest `limit` items of the current branch.

    ``None`` says that the conversation must be taken over first, which takes a transaction that may write.
    """
    tail = Tail([], [])
    head = find_head(tx, conversation.session_id)
    if head is None:
        return None if is_waiting(tx, conversation) else tail
    if limit == 0:
        return tail
    items = tail.items
    wanted = EVERYTHING if limit is None else limit
    for entry in walk_back(tx, head, wanted):
        try:
            items.append(conversation.decode(entry.payload))
        except ValueError:
            tail.undecodable.append(entry.position)
        if len(items) == wanted:
            break
    items.reverse()
    return tail

"""Read: the latest items of a branch, in one snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from sessions.log import statements
from sessions.log.branch import EVERYTHING, find_head, position_of, walk_back
from sessions.log.takeover import is_waiting

if TYPE_CHECKING:
    from sessions.log.conversation import Conversation, Decoder
    from sessions.log.transaction import Row, Transaction


Tail: TypeAlias = tuple[list[Any], list[int]]
"""Items, oldest first, and the positions of entries that could not be decoded, which count in no limit."""


class ReadTail:
    """`read_tail`, as a store is asked for it: a function of a transaction that a store may also look into."""

    __slots__ = ("conversation", "limit")

    def __init__(self, conversation: Conversation, limit: int | None) -> None:
        self.conversation = conversation
        self.limit = limit

    def __call__(self, tx: Transaction) -> Tail | None:
        """Read in `tx`."""
        return read_tail(tx, self.conversation, self.limit)


def read_tail(tx: Transaction, conversation: Conversation, limit: int | None) -> Tail | None:
    """Return the latest `limit` items of the current branch.

    ``None`` says that the conversation must be taken over first, which takes a transaction that may write.
    """
    items: list[Any] = []
    undecodable: list[int] = []
    head = find_head(tx, conversation.session_id)
    if head is None:
        return None if is_waiting(tx, conversation) else (items, undecodable)
    if limit == 0:
        return items, undecodable
    wanted = EVERYTHING if limit is None else min(limit, EVERYTHING)
    for _, rows in walk_back(tx, head, wanted, statements.PAYLOADS_BACKWARD):
        _decode(rows, conversation.decoder, items, undecodable)
        if len(items) >= wanted:
            del items[wanted:]
            break
    items.reverse()
    return items, undecodable


def _decode(rows: list[Row], decoder: Decoder, items: list[Any], undecodable: list[int]) -> None:
    """Add the items of rows to `items`; the fast way if all can be decoded, else one by one."""
    try:
        items.extend(decoder.decode_all([payload for _, payload in rows]))
    except ValueError:
        for entry, payload in rows:
            try:
                items.append(decoder.decode(payload))
            except ValueError:
                undecodable.append(position_of(entry))

"""Read: the latest items of a branch, in one snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sessions.log import statements
from sessions.log.branch import EVERYTHING, find_head, position_of, walk_back
from sessions.log.takeover import is_waiting

if TYPE_CHECKING:
    from sessions.log.conversation import Conversation, Decoder
    from sessions.log.transaction import Row, Transaction


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
    wanted = EVERYTHING if limit is None else limit
    for _, rows in walk_back(tx, head, wanted, statements.PAYLOADS_BACKWARD):
        _decode(rows, conversation.decoder, tail)
        if len(tail.items) >= wanted:
            del tail.items[wanted:]
            break
    tail.items.reverse()
    return tail


def _decode(rows: list[Row], decoder: Decoder, tail: Tail) -> None:
    """Add the items of rows to `tail`, newest first; the fast way if all can be decoded, else one by one."""
    try:
        tail.items.extend(decoder.decode_all([payload for _, payload in rows]))
    except ValueError:
        for entry, payload in rows:
            try:
                tail.items.append(decoder.decode(payload))
            except ValueError:
                tail.undecodable.append(position_of(entry))

"""Read: the latest items of a branch, in one snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sessions.errors import UnknownBranchError
from sessions.log.adopt.adoption import is_waiting, waits_for_take_over
from sessions.log.context.view import item_pages
from sessions.log.core.heads import EVERYTHING, MAIN, find_head

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation


class Tail(NamedTuple):
    """The latest items of a branch.

    Attributes:
        items: Oldest first.
        undecodable: The positions of entries that could not be decoded, which count in no limit.
        branch: The branch's name.
    """

    items: list[Any]
    undecodable: list[int]
    branch: str


class TooLongError(Exception):
    """There may be more to read than whoever asked has time for; nothing was read."""


class ReadTail:
    """`read_tail`, as a store is asked for it: a function of a transaction that a store may also look into."""

    __slots__ = ("branch", "conversation", "limit")

    def __init__(self, conversation: Conversation, limit: int | None, branch: str | None = None) -> None:
        self.conversation = conversation
        self.limit = limit
        self.branch = branch

    def __call__(self, tx: Transaction) -> Tail | None:
        """Read in `tx`."""
        return read_tail(tx, self.conversation, self.limit, self.branch)


def read_tail(
    tx: Transaction,
    conversation: Conversation,
    limit: int | None,
    branch: str | None = None,
    *,
    most: int = EVERYTHING,
) -> Tail | None:
    """Return the latest `limit` items of a branch, the current one unless named.

    ``None`` says that the conversation must be taken over first, which takes a transaction that may write.

    Raises:
        TooLongError: They may be more than `most`.
        UnknownBranchError: There is no such branch.
        DecryptionError: The session is encrypted with another key, or a payload is not what was stored there.
    """
    items: list[Any] = []
    undecodable: list[int] = []
    try:
        head = find_head(tx, conversation, branch)
    except UnknownBranchError:
        if waits_for_take_over(tx, conversation):
            return None
        raise
    if head is None:
        return None if is_waiting(tx, conversation) else Tail(items, undecodable, MAIN)
    if limit == 0:
        return Tail(items, undecodable, head.branch)
    wanted = EVERYTHING if limit is None else min(limit, EVERYTHING)
    if min(wanted, head.tip) > most:
        raise TooLongError
    for page in item_pages(tx, head, wanted, undecodable):
        items += page
        if len(items) >= wanted:
            del items[wanted:]
            break
    items.reverse()
    return Tail(items, undecodable, head.branch)

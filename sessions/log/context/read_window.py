"""Reading a branch backwards from its end in one snapshot, page by page, until a taker has enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from sessions.log.context.view import item_pages
from sessions.log.core.entries import read_entries
from sessions.log.core.heads import MAIN, find_head, lineage
from sessions.log.core.turns import nearest_turns, turn_start
from sessions.log.statements import entries as entry_statements

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.heads import Head


class Taker(Protocol):
    """Takes items, the newest first.

    Attributes:
        full: Whether it wants no more.
        skipping: Whether it wants only the first message of the last turn, and any item of an unknown shape in that
            turn.
    """

    full: bool
    skipping: bool

    def add(self, page: Iterable[Any]) -> None:
        """Take the next older items."""
        ...


class Taken(NamedTuple):
    """The facts of a read.

    Attributes:
        undecodable: The positions of entries that could not be decoded.
        branch: The branch's name.
    """

    undecodable: list[int]
    branch: str


def read_window(tx: Transaction, conversation: Conversation, taker: Taker, branch: str | None, at_once: int) -> Taken:
    """Give a taker a branch's items until it is full or has all.

    Args:
        tx: A transaction.
        conversation: The session.
        taker: Takes the items.
        branch: The branch; the current one unless named.
        at_once: How many entries to fetch at once.

    Raises:
        UnknownBranchError: The session has no such branch.
        DecryptionError: The session is encrypted with another key, or a payload was altered.
    """
    undecodable: list[int] = []
    head = find_head(tx, conversation, branch)
    if head is None:
        return Taken(undecodable, MAIN)
    for page in item_pages(tx, head, at_once, undecodable):
        taker.add(page)
        if taker.full:
            break
        # A summary may stand for the last turn's message.
        if taker.skipping and not head.annotated:
            taker.add(_left_of_last_turn(tx, head, undecodable))
            break
    return Taken(undecodable, head.branch)


def _left_of_last_turn(tx: Transaction, head: Head, undecodable: list[int]) -> list[Any]:
    """Return the wanted items of the last turn that has not fully expired, newest first.

    Those are an item of an unknown shape, and the message that begins the turn, if they are there and can be read.
    """
    stretches = lineage(tx, head)
    last = nearest_turns(tx, head.reader, stretches, (0, head.tip), 1)
    if not last:
        return []
    position = turn_start(tx, stretches, last[0])
    unknown, _ = read_entries(tx, head.reader, stretches, (position - 1, head.tip), entry_statements.FIRST_UNKNOWN)
    first = (position - 1, position)
    message, unread = read_entries(tx, head.reader, stretches, first, entry_statements.USERS_FORWARD)
    undecodable += unread
    return [*(entry.item for entry in unknown[:1]), *(entry.item for entry in message)]

"""Read: the latest items of a branch, in one snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from sessions.db.command import LONG, Command
from sessions.log.context.view import item_pages
from sessions.log.core.heads import EVERYTHING, MAIN, Head, find_head

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.db.command import Long
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


BRIEF: Final = 4096
"""Entries that are read in ten milliseconds, for which a change may wait."""


class ReadTail(Command["Tail"], msgspec.Struct, frozen=True, eq=False):
    """Read the latest items of a branch.

    Attributes:
        conversation: The session.
        limit: How many; all if ``None``.
        branch: The branch; the current one unless named.
    """

    conversation: Conversation
    limit: int | None
    branch: str | None = None

    @property
    def briefly(self) -> Callable[[Transaction], Tail | Long]:
        """Reads up to `BRIEF` entries; of more, none is fetched."""
        return self._read_brief

    def __call__(self, tx: Transaction) -> Tail:
        """Read in `tx`.

        Raises:
            UnknownBranchError: The session has no such branch.
            DecryptionError: The session is encrypted with another key, or a payload was altered.
        """
        head = self._find_head(tx)
        return head if not isinstance(head, Head) else read_tail(tx, head, self.wanted)

    def _read_brief(self, tx: Transaction) -> Tail | Long:
        head = self._find_head(tx)
        if not isinstance(head, Head):
            return head
        return LONG if min(self.wanted, head.tip) > BRIEF else read_tail(tx, head, self.wanted)

    @property
    def wanted(self) -> int:
        """How many items are wanted, at most as many as a branch can have."""
        return EVERYTHING if self.limit is None else min(self.limit, EVERYTHING)

    def _find_head(self, tx: Transaction) -> Head | Tail:
        """Return the branch's end; an empty tail if it has none."""
        return find_head(tx, self.conversation, self.branch) or Tail([], [], MAIN)


def read_tail(tx: Transaction, head: Head, wanted: int) -> Tail:
    """Return the latest items of a branch, as models are shown them."""
    items: list[Any] = []
    undecodable: list[int] = []
    if wanted:
        for page in item_pages(tx, head, wanted, undecodable):
            items += page
            if len(items) >= wanted:
                del items[wanted:]
                break
        items.reverse()
    return Tail(items, undecodable, head.branch)

"""Brief reads, for which the writing connection is better than the reading one while nobody writes.

A commit makes every other connection forget the pages that it has in its cache, but not the one that wrote. An agent
reads the conversation and adds to it, turn by turn; the reading connection would fetch all of it anew each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from sessions.log.read import TooLongError, read_tail

if TYPE_CHECKING:
    from sessions.db.sqlite.transaction import SQLiteTransaction, Texts
    from sessions.db.transaction import Transaction
    from sessions.log.read import ReadTail, Tail

BRIEF: Final = 4096
"""Entries that are read in ten milliseconds, for which a change may wait."""

TOO_LONG: Final = object()
"""What a read returns that is not brief."""


class BriefRead:
    """A read that gives up, before it fetches any entry, if there are many."""

    __slots__ = ("_read", "_texts")

    def __init__(self, read: ReadTail, texts: Texts | None = None) -> None:
        self._read = read
        self._texts = texts

    def __call__(self, tx: Transaction) -> Tail | object | None:
        """Read in `tx`, or return `TOO_LONG`."""
        read = self._read
        if self._texts is not None:
            tx = cast("SQLiteTransaction", tx).with_texts(self._texts)
        try:
            return read_tail(tx, read.conversation, read.limit, read.branch, most=BRIEF)
        except TooLongError:
            return TOO_LONG

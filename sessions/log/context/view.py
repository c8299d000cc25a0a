"""The model's view of a branch: its items, with summaries in place of their ranges.

`log/context/walker.py` explains the way back through a branch with annotations.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sessions.db.ids import position_of
from sessions.log.context.walker import Walker
from sessions.log.core.heads import walk_back
from sessions.log.core.reader import UNREADABLE
from sessions.log.statements import entries as entry_statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sessions.db.transaction import Transaction
    from sessions.log.context.annotations import Covering
    from sessions.log.context.walker import Shown
    from sessions.log.core.heads import Head
    from sessions.log.core.reader import Page, Reader

_FEW: Final = 64
"""Entries asked for at first, as behind a summary there may be many that are not shown."""


def item_pages(tx: Transaction, head: Head, count: int, undecodable: list[int]) -> Iterator[list[Any]]:
    """Yield the items of a branch that models see, in pages, newest first.

    Args:
        tx: A transaction.
        head: Where to begin.
        count: How many to fetch at once: the wanted number, or more.
        undecodable: Gets the positions of entries that could not be decoded.

    Raises:
        DecryptionError: A payload was altered.
    """
    if not head.annotated:
        yield from _pages_without_marks(tx, head, count, undecodable)
        return
    walker = Walker(tx, head)
    for rows, page in walker.pages(min(count, _FEW)):
        items = []
        try:
            items += head.reader.open_all(rows)
            one_by_one = page
        except ValueError:
            one_by_one = [walker.shown(row) for row in rows]
        for shown in one_by_one:
            if shown.item is not UNREADABLE:
                items.append(shown.item)
                continue
            # A reader that has enough asks for no more, and so does not see this error.
            yield items
            items = []
            undecodable.append(shown.position)
        yield items


def _pages_without_marks(tx: Transaction, head: Head, count: int, undecodable: list[int]) -> Iterator[list[Any]]:
    """Do the same as `item_pages`; a page may be decoded while the next one is fetched."""
    ahead: list[Callable[[], list[Any]]] = []
    left = count
    for page in walk_back(tx, head, count):
        left -= page.length
        goes_on = left > 0 and page.length >= entry_statements.PAGE
        opened: Callable[[], list[Any]] = partial(head.reader.open_page, page)
        ahead.append(partial(_opened, tx, head.reader, page, tx.beside(opened) if goes_on else opened, undecodable))
        # One at most, as it takes memory twice: as it is stored and as items.
        while len(ahead) > (1 if goes_on else 0):
            yield ahead.pop(0)()
    for last in ahead:
        yield last()


def _opened(
    tx: Transaction, reader: Reader, page: Page, opened: Callable[[], list[Any]], undecodable: list[int]
) -> list[Any]:
    """Return the items of a page, or those of them that can be decoded."""
    try:
        return opened()
    except ValueError:
        return _one_by_one(tx, reader, page, undecodable)


def _one_by_one(tx: Transaction, reader: Reader, page: Page, undecodable: list[int]) -> list[Any]:
    """Return those items of a page that can be decoded, looking at all their columns."""
    items: list[Any] = []
    for row in tx.all(
        entry_statements.ENTRIES_BACKWARD, low=page.low, high=page.high, count=page.length, **reader.visible
    ):
        item = reader.open_or_unreadable(row)
        if item is UNREADABLE:
            undecodable.append(position_of(row[0]))
        else:
            items.append(item)
    return items


def find_summaries(tx: Transaction, head: Head) -> list[Covering]:
    """Return a branch's summaries in force, in the order of their ranges."""
    walker = Walker(tx, head)
    if head.annotated:
        walker.all()
    return walker.passed[::-1]


def walk_shown(tx: Transaction, head: Head, count: int) -> Iterator[list[Shown]]:
    """Yield the model's view of a branch in pages, newest first; the first fetch is of `count`, later ones of more."""
    walker = Walker(tx, head)
    for rows, page in walker.pages(count):
        yield [walker.shown(row) for row in rows] or page

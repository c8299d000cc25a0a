"""What models are shown of a branch: its items, with summaries in place of what they stand for.

A summary's entry comes behind the range that it stands for. So the way back along the lineage meets the summary first,
and then goes around the range, of which little is read.

A placeholder stands for an output only as long as none came: whoever comes to one looks whether an output came behind
it. So does who comes to a summary that stands for calls without outputs: with the output, its call is shown again.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from sessions.db.ids import position_of
from sessions.items.calls import answers_of, calls_of
from sessions.items.kinds import PLACEHOLDER
from sessions.log.context.annotations import EXPANSION, HANDOVER, SUMMARY, Covering, is_mark, summary_taken_back
from sessions.log.core.heads import lineage, walk_back
from sessions.log.core.reader import UNREADABLE
from sessions.log.statements import entries as entry_statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sessions.db.transaction import Row, Transaction
    from sessions.items.parts import Call
    from sessions.items.waiting import Waiting
    from sessions.log.core.heads import Head
    from sessions.log.core.reader import Page, Reader

_FEW = 64
_MANY = 1024
"""Entries asked for at once: first few, as behind a summary there may be many that are not shown."""


class Shown(NamedTuple):
    """An item that models are shown, or `UNREADABLE` if it could not be decoded.

    Attributes:
        item: The item.
        row: Its entry, or that of the summary that it belongs to, with all columns.
        summary: That summary, if it belongs to one, or is shown again of what one stands for.
    """

    item: Any
    row: Row
    summary: Covering | None = None

    @property
    def position(self) -> int:
        """The position of its entry."""
        return position_of(self.row[0])

    @property
    def range(self) -> tuple[int, int]:
        """The first and the last position that it stands for."""
        return (self.position, self.position) if self.summary is None else self.summary[1:3]


def item_pages(tx: Transaction, head: Head, count: int, undecodable: list[int]) -> Iterator[list[Any]]:
    """Yield the items that models are shown of a branch, in pages, the newest first.

    Args:
        tx: A transaction.
        head: Where to begin.
        count: How many are wanted, or more: so many are asked for at once.
        undecodable: Gets the positions of entries that could not be decoded.

    Raises:
        DecryptionError: A payload is not what was stored there.
    """
    if not head.marks:
        yield from _pages_without_marks(tx, head, count, undecodable)
        return
    walk = Walk(head.reader)
    for rows, page in walk.steps(tx, head, min(count, _FEW)):
        items = []
        try:
            items += head.reader.open_all(rows)
            one_by_one = page
        except ValueError:
            one_by_one = [walk.shown(row) for row in rows]
        for shown in one_by_one:
            if shown.item is not UNREADABLE:
                items.append(shown.item)
                continue
            # Whoever has enough does not ask for more, and is not told of this.
            yield items
            items = []
            undecodable.append(shown.position)
        yield items


def _pages_without_marks(tx: Transaction, head: Head, count: int, undecodable: list[int]) -> Iterator[list[Any]]:
    """Do what `item_pages` does; a page after which more is wanted may be opened while the next one is fetched."""
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
    """Return a branch's summaries that stand for something, in the order of what they stand for."""
    walk = Walk(head.reader)
    if head.marks:
        walk.all(tx, head)
    return walk.passed[::-1]


def walk_shown(tx: Transaction, head: Head, count: int) -> Iterator[list[Shown]]:
    """Yield what models are shown of a branch in pages, the newest first; `count` is asked for at once, then more."""
    walk = Walk(head.reader)
    for rows, page in walk.steps(tx, head, count):
        yield [walk.shown(row) for row in rows] or page


class Walk:
    """A way back along a branch.

    Attributes:
        passed: The summaries that it came to the ranges of, the newest first.
        lifted: The positions of summaries that it came to know as taken back.
    """

    def __init__(self, reader: Reader) -> None:
        self.passed: list[Covering] = []
        self.lifted: set[int] = set()
        self._lifted_ranges: set[tuple[int, int]] = set()
        self._reader = reader
        self._answers: Answers
        # What is left of the way lies before this position.
        self._below = 0
        # Those whose ranges are still ahead, the nearest last.
        self._ahead: list[Covering] = []

    def all(self, tx: Transaction, head: Head) -> tuple[list[Shown], list[int]]:
        """Go the whole way, and return what is shown, oldest first; and the positions of what could not be decoded."""
        found: list[Shown] = []
        for rows, page in self.steps(tx, head, _MANY):
            found += page
            # No map: a codec's StopIteration would look like the end of the rows.
            found += [self.shown(row) for row in rows]
        found.reverse()
        readable = [shown for shown in found if shown.item is not UNREADABLE]
        return readable, [shown.position for shown in found if shown.item is UNREADABLE]

    def steps(self, tx: Transaction, head: Head, count: int) -> Iterator[tuple[list[Row], list[Shown]]]:
        """Yield what comes next: rows that are all shown as they are, or what is shown of others."""
        self._below = head.tip + 1
        self._answers = Answers(tx, head)
        for stretch in lineage(tx, head):
            while stretch.low < self._below - 1:
                ids = stretch.ids(high=min(stretch.high, self._below - 1))
                rows = tx.all(entry_statements.ENTRIES_BACKWARD, count=count, **ids, **self._reader.visible)
                if self._ahead or any(is_mark(row[3]) or row[3] == PLACEHOLDER for row in rows):
                    yield [], self._page(rows)
                elif rows:
                    self._below = position_of(rows[-1][0])
                    yield rows, []
                if len(rows) < count:
                    break
                count = min(2 * count, _MANY)
        while self._ahead:
            # Nothing is left of what they stand for.
            yield [], self._pass()

    def shown(self, row: Row) -> Shown:
        """Return an entry as it is shown."""
        return Shown(self._reader.open_or_unreadable(row), row)

    def _page(self, rows: list[Row]) -> list[Shown]:
        """Return what is shown of rows."""
        page: list[Shown] = []
        for row in rows:
            position = position_of(row[0])
            while self._ahead and position <= self._ahead[-1].last:
                page += self._pass()
            if position < self._below:
                self._below = position
                if is_mark(row[3]):
                    page += self._note(row)
                elif not self._gives_way(shown := self.shown(row)):
                    page.append(shown)
        return page

    def _gives_way(self, shown: Shown) -> bool:
        """Tell whether an item stands for an output that came later."""
        if shown.row[3] != PLACEHOLDER or shown.item is UNREADABLE:
            return False
        return self._came(shown.item, shown.position)

    def _pass(self) -> list[Shown]:
        """Go around what the next summary stands for, and return what is shown instead."""
        summary = self._ahead.pop()
        self.passed.append(summary)
        # For readers who see less, as with a time to live, there may be one that stands for a part of another.
        self._below = min(self._below, summary.first)
        items = [*summary.items, *self._answered(summary)]
        return [Shown(item, summary.row, summary) for item in reversed(items)]

    def _answered(self, summary: Covering) -> list[Any]:
        """Return what is shown again of what a summary stands for, as an output of its calls came since."""
        again: list[Any] = []
        for waiting in summary.waiting:
            if came := self._outputs(summary, waiting):
                again += [item for index, item in enumerate(waiting.items) if index not in came]
        return again

    def left_waiting(self, summary: Covering) -> list[Waiting]:
        """Return what a summary that it came to stands for that is still waiting."""
        return [waiting for waiting in summary.waiting if not self._outputs(summary, waiting)]

    def _outputs(self, summary: Covering, waiting: Waiting) -> set[int]:
        return {index for index in waiting.placeholders if self._came(waiting.items[index], summary.last)}

    def _came(self, placeholder: Any, position: int) -> bool:
        return any(self._answers.came(call, position) for call in answers_of(placeholder))

    def _note(self, row: Row) -> list[Shown]:
        """Note what a mark says; return it as unreadable if that cannot be read."""
        content = self._reader.open_or_unreadable(row)
        if row[3] == HANDOVER and content is not UNREADABLE:
            return []
        if row[3] == EXPANSION and (lifted := summary_taken_back(content)):
            self.lifted.add(lifted)
            return []
        summary = Covering.of(row, content) if row[3] == SUMMARY else None
        if summary is None:
            return [Shown(UNREADABLE, row)]
        if summary.position in self.lifted:
            self._lifted_ranges.add(summary.range)
        elif summary.range in self._lifted_ranges:
            # Another one took its place, and was taken back.
            self.lifted.add(summary.position)
        else:
            self._look_ahead(summary)
        return []

    def _look_ahead(self, summary: Covering) -> None:
        """Show a summary when its range comes, unless a later one stands for that, too; and none for a part of it."""
        first, last = summary.first, summary.last
        if any(later.first <= first and last <= later.last for later in self._ahead):
            return
        self.lifted.update(summary.lifted)
        self._ahead = [later for later in self._ahead if not (first <= later.first and later.last <= last)]
        self._ahead.append(summary)
        self._ahead.sort(key=lambda one: one.last)


class Answers:
    """Which calls were answered behind a position of a branch. It reads no more than it is asked about."""

    def __init__(self, tx: Transaction, head: Head) -> None:
        self._tx = tx
        self._head = head
        self._read_from = head.tip
        # Some models use the ids of calls again: whether what comes next is an output, or a call that is made anew.
        self._next: dict[Call, bool] = {}

    def came(self, call: Call, position: int) -> bool:
        """Tell whether an output came for a call that was made before a position.

        It is asked from the end on.

        Raises:
            DecryptionError: A payload is not what was stored there.
        """
        reader = self._head.reader
        for stretch in lineage(self._tx, self._head) if position < self._read_from else ():
            ids = stretch.ids(max(position, stretch.low), min(self._read_from, stretch.high))
            if ids["low"] < ids["high"]:
                for row in self._tx.all(entry_statements.CALLS_BACKWARD, **ids, **reader.visible):
                    self._note(reader.open_or_unreadable(row))
        self._read_from = min(position, self._read_from)
        return self._next.get(call, False)

    def _note(self, item: Any) -> None:
        if item is UNREADABLE:
            return
        self._next.update(dict.fromkeys(answers_of(item), True))
        self._next.update(dict.fromkeys(calls_of(item), False))

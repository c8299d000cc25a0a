"""The way back through a branch, past its annotations.

A placeholder stands for an output only as long as none came: whoever comes to one looks whether an output came behind
it. So does who comes to a summary that stands for calls without outputs: with the output, its call is shown again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions.items.kinds import PLACEHOLDER
from sessions.log.context.annotations import EXPANSION, HANDOVER, SUMMARY, Covering, is_mark, summary_taken_back
from sessions.log.context.answers import Answers
from sessions.log.core.heads import lineage
from sessions.log.core.reader import UNREADABLE
from sessions.log.statements import entries as entry_statements
from sessions.log.words import EntryRow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessions.db.transaction import Row, Transaction
    from sessions.items.waiting import Waiting
    from sessions.log.core.heads import Head

_MANY: Final = 1024
"""Entries asked for at once, at most."""


class Shown(NamedTuple):
    """An item that models are shown, or `UNREADABLE` if it could not be decoded.

    Attributes:
        item: The item.
        row: Its entry, or that of the summary that it belongs to, with all columns.
        summary: That summary, if it belongs to one, or is shown again of what one stands for.
    """

    item: Any
    row: EntryRow
    summary: Covering | None = None

    @property
    def position(self) -> int:
        """The position of its entry."""
        return self.row.position

    @property
    def range(self) -> tuple[int, int]:
        """The first and the last position that it stands for."""
        return (self.position, self.position) if self.summary is None else self.summary.range


class Page(NamedTuple):
    """A piece of the way, the newest first: one of the two is empty.

    Attributes:
        rows: Entries that are all shown as they are.
        shown: What is shown of others.
    """

    rows: list[Row]
    shown: list[Shown]


class Walker:
    """Goes back along a branch, entry by entry, and finds what models are shown of it.

    Here a summary S at position 7 stands for positions 2 to 4. The way back begins at the tip, and so comes to S before
    it comes to what S stands for::

        position   1     2     3     4     5     6     7     8
        entry      u1    a1    u2    a2    u3    a3    S     u4
        shown      u1   [  S's items  ]    u3    a3          u4
                    ◄─────┴───── 3. ─┘ ◄─ 1. ◄── 1. ◄─ 2. ◄─ 1.

    Each entry is one step, of three kinds:

    1. An item is shown as it is; a placeholder only if no output came behind it.
    2. An annotation shows nothing. What it says is noted: a summary is `ahead` until the way comes to its range, unless
       an expansion behind it took it back, or a later summary stands for the same.
    3. The first entry of the range that is ahead shows the summary's items, and the way goes on before the range. What
       is read of the range itself is passed over.

    Args:
        tx: A transaction.
        head: Where to begin.

    Attributes:
        passed: The summaries that it came to the ranges of, the newest first.
        lifted: The positions of summaries that it came to know as taken back.
    """

    def __init__(self, tx: Transaction, head: Head) -> None:
        self.passed: list[Covering] = []
        self.lifted: set[int] = set()
        self._lifted_ranges: set[tuple[int, int]] = set()
        self._tx = tx
        self._head = head
        self._reader = head.reader
        self._answers = Answers(tx, head)
        # What is left of the way lies before this position.
        self._below = head.tip + 1
        # Those whose ranges are still ahead, the nearest last.
        self._ahead: list[Covering] = []

    def all(self) -> tuple[list[Shown], list[int]]:
        """Go the whole way, and return what is shown, oldest first; and the positions of what could not be decoded."""
        found: list[Shown] = []
        for rows, page in self.pages(_MANY):
            found += page
            # No map: a codec's StopIteration would look like the end of the rows.
            found += [self.shown(row) for row in rows]
        found.reverse()
        readable = [shown for shown in found if shown.item is not UNREADABLE]
        return readable, [shown.position for shown in found if shown.item is UNREADABLE]

    def pages(self, count: int) -> Iterator[Page]:
        """Yield the way in pages; `count` entries are asked for at first, then more at once."""
        for stretch in lineage(self._tx, self._head):
            while stretch.low < self._below - 1:
                ids = stretch.ids(high=min(stretch.high, self._below - 1))
                rows = self._tx.all(entry_statements.ENTRIES_BACKWARD, count=count, **ids, **self._reader.visible)
                if self._ahead or any(is_mark(kind) or kind == PLACEHOLDER for _, _, _, kind, *_ in rows):
                    yield Page([], [shown for row in rows for shown in self._step(EntryRow._make(row))])
                elif rows:
                    self._below = EntryRow._make(rows[-1]).position
                    yield Page(rows, [])
                if len(rows) < count:
                    break
                count = min(2 * count, _MANY)
        while self._ahead:
            # Nothing is left of what they stand for.
            yield Page([], self._go_around())

    def shown(self, row: Row) -> Shown:
        """Return an entry as it is shown."""
        return Shown(self._reader.open_or_unreadable(row), EntryRow._make(row))

    def left_waiting(self, summary: Covering) -> list[Waiting]:
        """Return what a summary that it came to stands for that is still waiting."""
        return [waiting for waiting in summary.waiting if not self._outputs(summary, waiting)]

    def _step(self, row: EntryRow) -> list[Shown]:
        """Go on to an entry, and return what is shown there."""
        found: list[Shown] = []
        while self._ahead and row.position <= self._ahead[-1].last:
            found += self._go_around()
        if row.position >= self._below:
            return found  # It is in a range that was gone around.
        self._below = row.position
        if is_mark(row.kind):
            return found + self._note(row)
        shown = self.shown(row)
        return found if self._gives_way(shown) else [*found, shown]

    def _gives_way(self, shown: Shown) -> bool:
        """Tell whether an item stands for an output that came later."""
        if shown.row.kind != PLACEHOLDER or shown.item is UNREADABLE:
            return False
        return self._answers.came_for(shown.item, shown.position)

    def _go_around(self) -> list[Shown]:
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

    def _outputs(self, summary: Covering, waiting: Waiting) -> set[int]:
        """Return the placeholders of what is waiting whose outputs came behind the summary's range."""
        came_for = self._answers.came_for
        return {index for index in waiting.placeholders if came_for(waiting.items[index], summary.last)}

    def _note(self, row: EntryRow) -> list[Shown]:
        """Note what an annotation says; return it as unreadable if that cannot be read."""
        content = self._reader.open_or_unreadable(row)
        if row.kind == HANDOVER and content is not UNREADABLE:
            return []
        if row.kind == EXPANSION and (lifted := summary_taken_back(content)):
            self.lifted.add(lifted)
            return []
        summary = Covering.of(row, content) if row.kind == SUMMARY else None
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

"""The way back through a branch, past its annotations.

A placeholder stands for an output only until that arrives: at a placeholder, the walker checks whether an output came
behind it. The same holds for a summary of calls without outputs: with the output, its call is shown again.
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
    """An item that models see, or `UNREADABLE` if it could not be decoded.

    Attributes:
        item: The item.
        row: Its entry, or that of the summary that it belongs to, with all columns.
        summary: The summary that it belongs to, or from whose range it is shown again.
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
        rows: Entries that are all shown unchanged.
        shown: The view of other entries.
    """

    rows: list[Row]
    shown: list[Shown]


class Walker:
    """Walks back along a branch, entry by entry, and yields the model's view of it.

    Here a summary S at position 7 stands for positions 2 to 4. The way back begins at the tip, and so reaches S before
    the range of S::

        position   1     2     3     4     5     6     7     8
        entry      u1    a1    u2    a2    u3    a3    S     u4
        shown      u1   [  S's items  ]    u3    a3          u4
                    ◄─────┴───── 3. ─┘ ◄─ 1. ◄── 1. ◄─ 2. ◄─ 1.

    Each entry is one step, of three kinds:

    1. An item is shown as it is; a placeholder only if no output came behind it.
    2. An annotation shows nothing, but is noted: a summary is `ahead` until the way reaches its range, unless an
       expansion behind it reverts it, or a later summary has the same range.
    3. The first entry of the range that is ahead shows the summary's items, and the way goes on before the range.
       Entries of the range itself are skipped.

    Args:
        tx: A transaction.
        head: Where to begin.

    Attributes:
        passed: The summaries whose ranges it has reached, newest first.
        lifted: The positions of summaries known to be reverted.
    """

    def __init__(self, tx: Transaction, head: Head) -> None:
        self.passed: list[Covering] = []
        self.lifted: set[int] = set()
        self._lifted_ranges: set[tuple[int, int]] = set()
        self._tx = tx
        self._head = head
        self._reader = head.reader
        self._answers = Answers(tx, head)
        # The rest of the way lies before this position.
        self._below = head.tip + 1
        # Those whose ranges are still ahead, the nearest last.
        self._ahead: list[Covering] = []

    def all(self) -> tuple[list[Shown], list[int]]:
        """Walk to the end; return the whole view, oldest first, and the positions of undecodable entries."""
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
            # Their ranges are gone.
            yield Page([], self._go_around())

    def shown(self, row: Row) -> Shown:
        """Return an entry as it is shown."""
        return Shown(self._reader.open_or_unreadable(row), EntryRow._make(row))

    def left_waiting(self, summary: Covering) -> list[Waiting]:
        """Return the waiting calls in the range of a summary that it reached."""
        return [waiting for waiting in summary.waiting if not self._outputs(summary, waiting)]

    def _step(self, row: EntryRow) -> list[Shown]:
        """Step to an entry, and return the items shown there."""
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
        """Skip the next summary's range, and return the items shown instead."""
        summary = self._ahead.pop()
        self.passed.append(summary)
        # For readers that see less, as with a time to live, one summary's range may lie in another's.
        self._below = min(self._below, summary.first)
        items = [*summary.items, *self._answered(summary)]
        return [Shown(item, summary.row, summary) for item in reversed(items)]

    def _answered(self, summary: Covering) -> list[Any]:
        """Return the items of a summary's range that are shown again, because outputs of their calls have arrived."""
        again: list[Any] = []
        for waiting in summary.waiting:
            if came := self._outputs(summary, waiting):
                again += [item for index, item in enumerate(waiting.items) if index not in came]
        return again

    def _outputs(self, summary: Covering, waiting: Waiting) -> set[int]:
        """Return the placeholders of waiting calls whose outputs came behind the summary's range."""
        came_for = self._answers.came_for
        return {index for index in waiting.placeholders if came_for(waiting.items[index], summary.last)}

    def _note(self, row: EntryRow) -> list[Shown]:
        """Note an annotation's content; return it as unreadable if it cannot be decoded."""
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
            # Another one replaced it, and was reverted.
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

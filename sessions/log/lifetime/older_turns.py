"""The older turns of a session: the entries outside of the last turns of each branch, and their removal in batches.

As when entries expire, holes are left; tips, numbers of turns and lineages do not change. Of two branches that share
entries, each keeps its own last turns. A tip that a branch left, by an undo or for another way, keeps its turns from
the number of the branch's first kept turn on, so that `redo` still works. An attempt is to become its branch: it keeps
its own last turns, as a branch does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sessions.db.ids import POSITION_BITS
from sessions.log.core.change_log import record_change_of
from sessions.log.core.damage import read_segments, read_tips
from sessions.log.core.entry_rows import delete_going
from sessions.log.core.lineages import stretches_of
from sessions.log.core.reader import Reader
from sessions.log.core.turns import nearest_turns, turn_start
from sessions.log.lifetime.remove import remove_copies
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import retention as statements
from sessions.log.statements import sessions as session_statements
from sessions.log.statements import tips as tip_statements

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.heads import Stretch


class Range(NamedTuple):
    """Neighbouring positions of one segment, all of which are to go.

    Attributes:
        segment: The segment.
        low: The position before the first.
        high: The last position.
    """

    segment: int
    low: int
    high: int

    def holds(self, entry: int) -> bool:
        """Tell whether an entry's id is one of these positions."""
        return self.ids["low"] < entry <= self.ids["high"]

    @property
    def ids(self) -> dict[str, int]:
        """The range of entry ids, as parameters."""
        base = self.segment << POSITION_BITS
        return {"low": base + self.low, "high": base + self.high}


def find_older(tx: Transaction, conversation: Conversation, session: int, keep: int) -> list[Range]:
    """Return the positions that lie before the last `keep` turns of every branch. It needs no key.

    A turn counts if something is left of it for this reader. Entries before the first turn are no turn.

    Raises:
        DamagedSessionError: The session's rows contradict each other.
    """
    origins = read_segments(tx, session)
    tips = read_tips(tx, session, origins)
    reader = Reader(conversation)
    attempts = {name for (name,) in tx.all(tip_statements.ATTEMPTS, session=session)}
    first: dict[str, int] = {}
    for name, segment, tip, _, left_by, *_ in tips:
        if left_by is None or name in attempts:
            stretches = stretches_of(origins, segment, tip)
            found = nearest_turns(tx, reader, stretches, (0, tip), keep)
            first[name] = found[-1] if len(found) == keep else 0
    kept: dict[int, list[tuple[int, int]]] = {}
    seen: dict[int, int] = {}
    for name, segment, tip, turn, left_by, *_ in tips:
        stretches = stretches_of(origins, segment, tip)
        begin = _begin(tx, stretches, first.get(name if name in attempts else left_by or name, 0), turn, tip)
        for stretch in stretches:
            seen[stretch.segment] = max(stretch.high, seen.get(stretch.segment, 0))
            if begin <= stretch.high:
                kept.setdefault(stretch.segment, []).append((max(begin, stretch.low + 1), stretch.high))
    return [
        Range(segment, low, high)
        for segment, last in sorted(seen.items())
        for low, high in _between(origins[segment][1], kept.get(segment, []), last)
    ]


def count_older(tx: Transaction, ranges: list[Range]) -> int:
    """Return how many entries are in these ranges, without messages of the system before the first turn."""
    return sum(int(tx.the(statements.COUNT_GOING, **found.ids)[0]) for found in ranges)


def remove_older(tx: Transaction, session: int, ranges: list[Range], count: int, now: int) -> int:
    """Remove up to `count` entries of these ranges of a locked session, the oldest first; return how many that were."""
    removed = 0
    for found in ranges:
        last, number = tx.the(statements.GOING, count=count - removed, **found.ids)
        if number:
            delete_going(tx, found.ids["low"], last)
            tx.run(branch_statements.NOTE_HOLE, segment=found.segment)
            removed += int(number)
        if removed >= count:
            break
    if removed:
        # A fork that a killed process left unfinished may have them, too.
        remove_copies(tx, session)
    row = tx.one(session_statements.BUMP_VERSION_OF, session=session) if removed else None
    if row is not None:
        record_change_of(tx, session, row[0], "purged", now)
    return removed


def _begin(tx: Transaction, stretches: list[Stretch], first: int, turn: int, tip: int) -> int:
    """Return the first position of a tip's lineage that is kept; behind the tip if none is."""
    if first == 0:
        return 1
    return turn_start(tx, stretches, first) if first <= turn else tip + 1


def _between(low: int, kept: list[tuple[int, int]], high: int) -> list[tuple[int, int]]:
    """Return the gaps between kept positions, from behind `low` up to `high`: each without its first position."""
    gaps = []
    for begin, end in sorted(kept):
        if low < begin - 1:
            gaps.append((low, begin - 1))
        low = max(low, end)
    return [*gaps, (low, high)] if low < high else gaps

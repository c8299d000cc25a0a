"""Removing the pieces that no checkpoint of a line needs any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.checkpoints.ranges import joined, load_heads
from sessions.checkpoints.statements import lines as line_statements
from sessions.checkpoints.statements import rows as statements
from sessions.db.ids import ids_of

if TYPE_CHECKING:
    from sessions.checkpoints.difference import Range
    from sessions.db.transaction import Transaction


def collect(tx: Transaction, line: int) -> int:
    """Remove pieces that no checkpoint of a locked line needs any more, and move the line; return the pieces' bytes.

    A chain that was cut back may be continued from the cut, as no process that remembers more of it can build on that:
    the line's next number has moved.
    """
    live = joined({one for (heads,) in tx.all(statements.HEADS_OF, line=line) for one in load_heads(heads)})
    removed = 0
    for (chain,) in tx.all(line_statements.CHAINS_OF, line=line):
        low, high = ids_of(chain)
        mine = [one for one in live if low <= one[0] <= high]
        removed += sum(_delete(tx, gap) for gap in _gaps(mine, low, high))
        if not mine and chain != line:
            tx.run(line_statements.DELETE_CHAIN, chain=chain)
    tx.run(line_statements.RAISE_LINE, line=line)
    return removed


def _gaps(ranges: list[Range], low: int, high: int) -> list[Range]:
    """Return the ranges between ordered ranges, from `low` to `high`."""
    starts = [low, *(last + 1 for _, last in ranges)]
    ends = [*(first - 1 for first, _ in ranges), high]
    return [(start, end) for start, end in zip(starts, ends, strict=True) if start <= end]


def _delete(tx: Transaction, gap: Range) -> int:
    low, high = gap
    (size,) = tx.the(statements.BYTES_OF_PIECES, low=low, high=high)
    if size:
        tx.run(statements.DELETE_PIECES, low=low, high=high)
    return int(size)

"""Read: a checkpoint with its values and its tasks' writes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from sessions.checkpoints.body import value_of
from sessions.checkpoints.contents import Contents
from sessions.checkpoints.lines import find_line
from sessions.checkpoints.ranges import load_heads
from sessions.checkpoints.remembered import State
from sessions.checkpoints.rows import find_checkpoint, read_pieces, read_writes
from sessions.checkpoints.values import MOST_ID_BYTES, Checkpoint
from sessions.db.command import LONG, Command
from sessions.validation import check_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sessions.checkpoints.body import Body
    from sessions.checkpoints.covers import Covers
    from sessions.checkpoints.difference import Known
    from sessions.checkpoints.lines import Line
    from sessions.checkpoints.rows import CheckpointRow, WritesRow
    from sessions.checkpoints.values import Place
    from sessions.db.command import Long
    from sessions.db.transaction import Transaction

BRIEF: Final = 4096
"""Pieces that are read in a few milliseconds, for which a change may wait."""


class Rows(NamedTuple):
    """A checkpoint as its rows are stored.

    Attributes:
        line: Its line.
        row: Its own row.
        pieces: The pieces of its values, by id.
        writes: Its tasks' writes.
        ends: The last pieces of its ranges that are the ends of their chains, as far as they were looked for.
        known: The process's memory of it, if that is current: its pieces were not read then.
    """

    line: Line
    row: CheckpointRow
    pieces: Mapping[int, bytes]
    writes: Sequence[WritesRow]
    ends: frozenset[int] = frozenset()
    known: State | None = None


class Read(Command["Rows | None"], msgspec.Struct, frozen=True, eq=False):
    """Read a checkpoint, the latest unless named; ``None`` if it is not there.

    Attributes:
        place: Where.
        checkpoint_id: The checkpoint.
        covers: How contents are stored.
        now: The time.
        known: The process's memory of the line: the pieces of that checkpoint need not be read.
    """

    place: Place
    checkpoint_id: str | None
    covers: Covers
    now: int
    known: State | None = None

    @property
    def briefly(self) -> Callable[[Transaction], Rows | Long | None]:
        """Reads up to `BRIEF` pieces; of more, none is fetched."""
        return partial(self._read, most=BRIEF)

    def __call__(self, tx: Transaction) -> Rows | None:
        """Read it in `tx`.

        Raises:
            OwnerError: The thread is another owner's.
            DecryptionError: The thread cannot be opened with the given keys.
        """
        found = self._read(tx)
        assert found is not LONG  # noqa: S101 - it may take any time
        return found

    def _read(self, tx: Transaction, most: int | None = None) -> Rows | Long | None:
        line = find_line(tx, self.place, self.covers, self.now)
        row = None if line is None else find_checkpoint(tx, line.number, self.checkpoint_id)
        if line is None or row is None or row.hidden:
            return None
        known = self.known if self.known is not None and self.known.is_current(line, row.id) else None
        ranges = load_heads(row.heads) if known is None else []
        if most is not None and sum(high - low + 1 for low, high in ranges) > most:
            return LONG
        pieces = read_pieces(tx, ranges)
        return Rows(line, row, pieces, read_writes(tx, line.number, row.checkpoint_id), known=known)


class Opened(NamedTuple):
    """A checkpoint, opened.

    Attributes:
        checkpoint: The checkpoint.
        body: Its payload.
        values: Its values; small ones as their one part.
    """

    checkpoint: Checkpoint
    body: Body
    values: Mapping[str, Known | bytes]

    def state(self, rows: Rows) -> State:
        """Return it as it is remembered."""
        if rows.known is not None:
            return msgspec.structs.replace(rows.known, line=rows.line)
        for known in self.values.values():
            if not isinstance(known, bytes):
                known.may_grow = known.ranges[-1][1] in rows.ends
        return State(rows.line, self.checkpoint.checkpoint_id, rows.row.id, self.body.versions, self.values)


def opened(place: Place, rows: Rows) -> Opened:
    """Return a checkpoint of its rows.

    Raises:
        DecryptionError: One was altered.
        DamagedSessionError: They contradict each other.
        ValueError: An id was altered to one that cannot be stored.
    """
    row, contents = rows.row, Contents(place, rows.line)
    for one in (row.checkpoint_id, row.parent_id, row.run_id):
        # Others are not stored, and a graph passes them back as arguments.
        if one is not None:
            check_text(one, "an id", MOST_ID_BYTES)
    body = contents.body(row)
    values = contents.values(row, body, rows.pieces) if rows.known is None else rows.known.values
    made = Checkpoint(
        thread_id=place.thread_id,
        ns=place.ns,
        checkpoint_id=row.checkpoint_id,
        parent_id=row.parent_id,
        run_id=row.run_id,
        head=body.head,
        metadata=body.metadata,
        versions=body.versions,
        values={channel: value for channel in values if (value := value_of(values, channel)) is not None},
        writes=contents.writes(rows.writes, values),
        owner=rows.line.thread.owner,
    )
    return Opened(made, body, values)

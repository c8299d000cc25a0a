"""The contents of a line's rows: opened, and made into values and writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.checkpoints.body import value_of
from sessions.checkpoints.covers import piece_bound
from sessions.checkpoints.difference import resolved
from sessions.checkpoints.ranges import ids_in, load_heads
from sessions.checkpoints.rows import read_pieces
from sessions.checkpoints.values import Write
from sessions.errors import DamagedSessionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sessions.checkpoints.body import Body
    from sessions.checkpoints.difference import Known
    from sessions.checkpoints.lines import Line
    from sessions.checkpoints.rows import CheckpointRow, WritesRow
    from sessions.checkpoints.values import Place
    from sessions.db.transaction import Transaction


class Contents:
    """Opens the stored contents of a line.

    All methods raise `DecryptionError` for altered contents, and `DamagedSessionError` for contradicting ones.

    Args:
        place: The line's thread and namespace.
        line: The line.
    """

    def __init__(self, place: Place, line: Line) -> None:
        self.place = place
        self.line = line

    def body(self, row: CheckpointRow) -> Body:
        """Return the payload of a checkpoint."""
        try:
            return row.open(self.line.cover)
        except ValueError as error:
            raise self._damaged(row.checkpoint_id, str(error)) from None

    def values(
        self, row: CheckpointRow, body: Body, pieces: Mapping[int, bytes], only: set[str] | None = None
    ) -> dict[str, Known | bytes]:
        """Return the values of a checkpoint, small ones as their one part.

        Args:
            row: Its row.
            body: Its payload.
            pieces: Stored pieces by id, its own at least.
            only: The channels that are wanted; all, if ``None``.
        """
        cover = self.line.cover
        values: dict[str, Known | bytes] = dict(body.inline)
        at = 0
        try:
            ranges = load_heads(row.heads)
            for channel, count in body.ranges:
                mine = ranges[at : at + count]
                at += count
                if only is None or channel in only:
                    found = [pieces[number] for number in ids_in(mine)]
                    payloads = cover.open_all(found, map(piece_bound, ids_in(mine)))
                    values[channel] = resolved(mine, payloads)
        except KeyError:
            raise self._damaged(row.checkpoint_id, "a piece of its values is missing") from None
        except ValueError as error:
            raise self._damaged(row.checkpoint_id, str(error)) from None
        return values if only is None else {channel: known for channel, known in values.items() if channel in only}

    def read_values(
        self, tx: Transaction, row: CheckpointRow, body: Body, only: set[str] | None = None
    ) -> dict[str, Known | bytes]:
        """Return the same, with the pieces read in `tx`."""
        try:
            ranges = load_heads(row.heads)
        except ValueError as error:
            raise self._damaged(row.checkpoint_id, str(error)) from None
        return self.values(row, body, read_pieces(tx, ranges), only)

    def writes(
        self, rows: Iterable[WritesRow], values: Mapping[str, Known | bytes], only: set[str] | None = None
    ) -> list[Write]:
        """Return the writes of a checkpoint's rows in their order.

        Args:
            rows: The rows.
            values: The checkpoint's values, of the wanted channels at least.
            only: The channels that are wanted; all, if ``None``.
        """
        made: list[Write] = []
        for row in rows:
            try:
                made += (
                    Write(row.task_id, one.channel, one.value(value_of(values, one.channel)), row.task_path, one.number)
                    for one in row.open(self.line.number, self.line.cover)
                    if only is None or one.channel in only
                )
            except ValueError as error:
                raise self._damaged(row.checkpoint_id, str(error)) from None
        # Here, as databases compare text in different ways.
        made.sort(key=lambda write: (write.task_path, write.task_id, write.number))
        return made

    def _damaged(self, checkpoint_id: str, reason: str) -> DamagedSessionError:
        return DamagedSessionError(
            f"thread {self.place.thread_id!r}: checkpoint {checkpoint_id!r}: {reason}. Nothing was changed. Restore it "
            "from a backup, or delete the thread."
        )

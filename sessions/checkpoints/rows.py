"""Checkpoints, pieces and writes as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sessions.checkpoints.body import unpack_body, unpack_writes
from sessions.checkpoints.covers import checkpoint_bound, write_bound
from sessions.checkpoints.ranges import as_parameter
from sessions.checkpoints.statements import rows as statements
from sessions.db.dialect import text_of_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.checkpoints.body import Body, StoredWrite
    from sessions.checkpoints.covers import Cover
    from sessions.checkpoints.difference import Range
    from sessions.db.transaction import Row, Transaction


class CheckpointRow(NamedTuple):
    """A checkpoint's row."""

    id: int
    checkpoint_id: str
    parent_id: str | None
    run_id: str | None
    hidden: int
    created_at: int
    heads: str
    body: bytes

    @classmethod
    def of(cls, row: Row) -> CheckpointRow:
        """Return a row as a statement returned it."""
        number, checkpoint_id, parent_id, run_id, hidden, created_at, heads, body = row
        return cls(
            number, text_of_key(checkpoint_id), text_or_none(parent_id), text_or_none(run_id), hidden, created_at,
            heads, bytes(body),
        )  # fmt: skip

    def open(self, cover: Cover) -> Body:
        """Return its payload.

        Raises:
            DecryptionError: It was altered.
            ValueError: It is damaged.
        """
        bound = checkpoint_bound(self.id, self.checkpoint_id, self.parent_id, self.run_id, self.heads)
        return unpack_body(cover.open(self.body, bound))


class WritesRow(NamedTuple):
    """The row of a task's writes at a checkpoint."""

    checkpoint_id: str
    task_id: str
    slot: int
    task_path: str
    payload: bytes

    @classmethod
    def of(cls, checkpoint_id: str, row: Row) -> WritesRow:
        """Return a row as a statement returned it."""
        task_id, slot, task_path, payload = row
        return cls(checkpoint_id, text_of_key(task_id), slot, task_path, bytes(payload))

    def open(self, line: int, cover: Cover) -> list[StoredWrite]:
        """Return the writes.

        Raises:
            DecryptionError: They were altered.
            ValueError: They are damaged.
        """
        bound = write_bound(line, self.checkpoint_id, self.task_id, self.slot, self.task_path)
        return unpack_writes(cover.open(self.payload, bound))


def text_or_none(stored: str | bytes | None) -> str | None:
    """Return the text in a column of a key's type, if there is one."""
    return None if stored is None else text_of_key(stored)


def find_checkpoint(tx: Transaction, line: int, checkpoint_id: str | None) -> CheckpointRow | None:
    """Return a checkpoint of a line, the latest unless named; also one that is hidden, if it is named."""
    if checkpoint_id is None:
        row = tx.one(statements.LATEST, line=line)
    else:
        row = tx.one(statements.CHECKPOINT, line=line, checkpoint_id=checkpoint_id)
    return None if row is None else CheckpointRow.of(row)


def read_pieces(tx: Transaction, ranges: Sequence[Range]) -> dict[int, bytes]:
    """Return the stored pieces in ranges, by id."""
    if not ranges:
        return {}
    return {number: bytes(payload) for number, payload in tx.all(statements.PIECES, ranges=as_parameter(ranges))}


def read_writes(tx: Transaction, line: int, checkpoint_id: str) -> list[WritesRow]:
    """Return the rows of the writes at a checkpoint."""
    rows = tx.all(statements.WRITES_AT, line=line, checkpoint_id=checkpoint_id)
    return [WritesRow.of(checkpoint_id, row) for row in rows]

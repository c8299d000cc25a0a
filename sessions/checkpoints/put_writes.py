"""Put writes: storing the writes of a task at a checkpoint, before the next checkpoint has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from sessions.checkpoints.body import by_slot, pack, short_write, unpack_writes, whole_write
from sessions.checkpoints.covers import write_bound
from sessions.checkpoints.lines import NewThread, lock_line
from sessions.checkpoints.statements import rows as statements
from sessions.db.command import Command

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from sessions.checkpoints.body import StoredWrite
    from sessions.checkpoints.covers import Covers
    from sessions.checkpoints.lines import Line
    from sessions.checkpoints.remembered import State
    from sessions.checkpoints.values import NewWrite, Place
    from sessions.db.transaction import Transaction


WAIT_FROM: Final = 4096
"""Writes with fewer bytes do not wait for a put of their checkpoint: their difference from it would save too little."""


class PutWrites(Command[int], msgspec.Struct, frozen=True, eq=False):
    """Store a task's writes at a checkpoint, which may come later.

    Ordinary writes that are there stay, and missing ones are added; special ones are replaced.

    Attributes:
        place: Where.
        checkpoint_id: The checkpoint.
        task_id: The task.
        task_path: Its path.
        writes: Its writes.
        covers: How contents are stored.
        now: The time.
        ttl: The time to live of a new thread, in microseconds.
        known: The checkpoint, if this process remembers it: writes are stored as differences from its values.
        seen: The number of the line in which this process saw the checkpoint, or that the run has used.
        was_put: Whether this process saw the checkpoint: if it is missing, it was pruned since.
        within: The number of the thread that the line has to belong to.
    """

    place: Place
    checkpoint_id: str
    task_id: str
    task_path: str
    writes: Sequence[NewWrite]
    covers: Covers
    now: int
    ttl: int | None = None
    known: State | None = None
    seen: int | None = None
    within: int | None = None
    was_put: bool = False

    @property
    def subject(self) -> str:
        """Whom errors are about."""
        return f"thread {self.place.thread_id!r}"

    @property
    def size(self) -> int:
        """The bytes of the writes."""
        return sum(write.size for write in self.writes)

    @property
    def payloads(self) -> Iterable[bytes]:
        """The writes, as large as they may become."""
        return (b"".join(write.value.parts) for write in self.writes)

    @property
    def locks(self) -> Hashable:
        """The thread."""
        return "thread", self.place.thread_id

    @property
    def repeatable(self) -> bool:
        """Whether it may run again: a repetition changes nothing."""
        return True

    def __call__(self, tx: Transaction) -> int:
        """Store them in `tx`; return the number of the line.

        Writes at a checkpoint that this process saw, and that was pruned since, are not stored.

        Raises:
            ThreadGoneError: The line in which the checkpoint was seen is gone, or the thread.
            OwnerError: The thread is another owner's.
            DecryptionError: The thread cannot be opened with the given keys.
        """
        if_missing = NewThread(self.now, self.ttl)
        line = lock_line(tx, self.place, self.covers, if_missing, seen=self.seen, within=self.within, share=True)
        row = tx.one(statements.ROW_OF, line=line.number, checkpoint_id=self.checkpoint_id)
        if row is None and self.was_put:
            return line.number
        known = self.known if row is not None and self.known is not None and self.known.row == row[0] else None
        for slot, writes in by_slot(self.stored(known)).items():
            self._put(tx, line, slot, writes)
        return line.number

    def stored(self, known: State | None) -> Iterable[StoredWrite]:
        """Yield the writes as they are stored, given the checkpoint that they belong to, if that is known."""
        if known is None:
            return map(whole_write, self.writes)
        return (short_write(write, known.values.get(write.channel)) for write in self.writes)

    def row(self, line: Line, slot: int, writes: list[StoredWrite]) -> dict[str, object]:
        """Return the row of a slot."""
        columns = (line.number, self.checkpoint_id, self.task_id, slot, self.task_path)
        payload = line.cover.seal(pack(writes), write_bound(*columns))
        return {**self._key(line, slot), "task_path": self.task_path, "payload": payload}

    def _key(self, line: Line, slot: int) -> dict[str, object]:
        return {"line": line.number, "checkpoint_id": self.checkpoint_id, "task_id": self.task_id, "slot": slot}

    def _put(self, tx: Transaction, line: Line, slot: int, writes: list[StoredWrite]) -> None:
        row = self.row(line, slot, writes)
        if slot < 0:
            tx.run(statements.REPLACE_WRITES, **row)
            return
        tx.run(statements.ADD_WRITES, **row)
        task_path, payload = tx.the(statements.SLOT, **self._key(line, slot))
        if bytes(payload) == row["payload"]:
            return
        bound = write_bound(line.number, self.checkpoint_id, self.task_id, slot, task_path)
        there = {write.number: write for write in unpack_writes(line.cover.open(bytes(payload), bound))}
        merged = {write.number: write for write in writes} | there
        if len(merged) > len(there):
            made = line.cover.seal(pack([merged[number] for number in sorted(merged)]), bound)
            tx.run(statements.REPLACE_WRITES, **{**row, "task_path": task_path, "payload": made})

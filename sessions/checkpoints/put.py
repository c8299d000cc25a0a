"""Put: storing a checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sessions.checkpoints.body import pack, value_of, whole_write
from sessions.checkpoints.collect import collect
from sessions.checkpoints.contents import Contents
from sessions.checkpoints.covers import write_bound
from sessions.checkpoints.lines import NewThread, lock_line
from sessions.checkpoints.plan import NO_PARENT, Ends, Parent, plan
from sessions.checkpoints.remembered import State
from sessions.checkpoints.rows import find_checkpoint, read_writes
from sessions.checkpoints.statements import lines as line_statements
from sessions.checkpoints.statements import rows as statements
from sessions.checkpoints.values import NewWrite
from sessions.db.command import Command
from sessions.db.dialect import text_of_key
from sessions.db.ids import check_number, ids_of
from sessions.errors import ThreadConflictError

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    from sessions.checkpoints.covers import Covers
    from sessions.checkpoints.difference import Known
    from sessions.checkpoints.lines import Line
    from sessions.checkpoints.plan import Given
    from sessions.checkpoints.rows import CheckpointRow
    from sessions.checkpoints.values import NewCheckpoint, Place
    from sessions.db.transaction import Transaction


class Put(Command[State], msgspec.Struct, frozen=True, eq=False):
    """Store a checkpoint, and its thread if that is missing. One of the same id is replaced.

    Attributes:
        place: Where.
        new: The checkpoint.
        given: Its values.
        covers: How contents are stored.
        now: The time.
        ttl: The time to live of a new thread, in microseconds.
        known: The process's memory of the line.
        seen: The number of the line in which it saw the parent.
        within: The number of the thread that the line has to belong to.
    """

    place: Place
    new: NewCheckpoint
    given: Given
    covers: Covers
    now: int
    ttl: int | None = None
    known: State | None = None
    seen: int | None = None
    within: int | None = None

    @property
    def subject(self) -> str:
        """Whom errors are about."""
        return f"thread {self.place.thread_id!r}"

    @property
    def size(self) -> int:
        """The most bytes that it may store."""
        changed = sum(sum(map(len, value.parts)) for value in self.given.changed.values())
        return changed + len(self.new.head) + len(self.new.metadata)

    @property
    def payloads(self) -> Iterable[bytes]:
        """The values, as large as they may become."""
        return (b"".join(value.parts) for value in self.given.changed.values())

    @property
    def locks(self) -> Hashable:
        """The thread."""
        return "thread", self.place.thread_id

    @property
    def repeatable(self) -> bool:
        """Whether it may run again: the same checkpoint is found."""
        return True

    def __call__(self, tx: Transaction) -> State:
        """Store it in `tx`.

        Returns:
            The checkpoint, to be remembered once this is committed.

        Raises:
            ThreadGoneError: The line of its parent is gone, or the thread.
            ThreadConflictError: It was to follow the last checkpoint and does not.
            OwnerError: The thread is another owner's.
            StoreFullError: The line is full.
            DecryptionError: The thread cannot be opened with the given keys.
        """
        new = self.new
        if_missing = NewThread(self.now, self.ttl, new.root_id)
        line = lock_line(tx, self.place, self.covers, if_missing, seen=self.seen, within=self.within)
        contents = Contents(self.place, line)
        there = find_checkpoint(tx, line.number, new.checkpoint_id)
        if there is not None and not there.hidden:
            same = _same(tx, contents, there, new, self.given)
            if same is not None:
                return State(line, new.checkpoint_id, there.id, new.versions, same)
        elif new.follows_last:
            _check_last(tx, line, new, self.subject)
        parent = self._parent(tx, contents)
        if there is not None:
            _replace(tx, contents, there)

        def new_chain() -> int:
            (number,) = tx.the(line_statements.NEW_CHAIN, line=line.number)
            return check_number(number, self.subject, "chains")

        def may_grow(known: Known) -> bool:
            # One that is remembered to be the end is, as nothing has changed the line since.
            return known.may_grow or tx.one(statements.IS_PIECE, id=known.ranges[-1][1] + 1) is None

        made = plan(new, self.given, line, parent, Ends(may_grow, new_chain), subject=self.subject)
        assert made is not None  # noqa: S101 - a chain can always be had here
        if made.pieces:
            tx.many(statements.PUT_PIECE, made.pieces)
        tx.run(
            statements.PUT_CHECKPOINT, id=made.id, line=line.number, checkpoint_id=new.checkpoint_id,
            parent_id=new.parent_id, run_id=new.run_id, now=self.now, heads=made.heads, body=made.body,
        )  # fmt: skip
        tx.run(
            line_statements.MOVE_LINE, line=line.number, next_number=made.next_number, now=self.now,
            root_id=new.root_id,
        )  # fmt: skip
        line = line._replace(next_number=made.next_number, updated_at=self.now)
        if there is not None:
            # The former one's own pieces go; that moves the line again.
            collect(tx, line.number)
            line = line._replace(next_number=made.next_number + 1)
        done = State(line, new.checkpoint_id, made.id, new.versions, made.values)
        is_behind = self.known is not None and there is None and self._is_parent(self.known, contents.line)
        return done.behind(self.known) if self.known is not None and is_behind else done

    def _is_parent(self, known: State, line: Line) -> bool:
        """Tell whether the remembered checkpoint is the parent, in a line that is as it was then."""
        return (known.checkpoint_id, known.line.number, known.line.next_number) == (
            self.new.parent_id, line.number, line.next_number,
        )  # fmt: skip

    def _parent(self, tx: Transaction, contents: Contents) -> Parent:
        known, parent_id, line = self.known, self.new.parent_id, contents.line
        if parent_id is None:
            return NO_PARENT
        if known is not None and self._is_parent(known, line):
            return Parent(known.versions, known.values)
        row = find_checkpoint(tx, line.number, parent_id)
        if row is None:
            return NO_PARENT
        body = contents.body(row)
        return Parent(body.versions, contents.read_values(tx, row, body))


def _same(
    tx: Transaction, contents: Contents, there: CheckpointRow, new: NewCheckpoint, given: Given
) -> Mapping[str, Known | bytes] | None:
    """Return the values of a stored checkpoint if it is the one to be put: its put is repeated."""
    body = contents.body(there)
    if (there.parent_id, there.run_id, body.head, body.metadata, body.versions) != (
        new.parent_id, new.run_id, new.head, new.metadata, dict(new.versions),
    ):  # fmt: skip
        return None
    wanted = {**given.unchanged, **given.changed}
    if body.channels != set(wanted):
        return None
    values = contents.read_values(tx, there, body)
    return values if all(value_of(values, channel) == value for channel, value in wanted.items()) else None


def _replace(tx: Transaction, contents: Contents, there: CheckpointRow) -> None:
    """Remove the row of a checkpoint that is put again, otherwise; its writes stay, and are whole from now on."""
    values: dict[str, Known | bytes] | None = None
    line = contents.line
    for row in read_writes(tx, line.number, there.checkpoint_id):
        writes = row.open(line.number, line.cover)
        if not any(write.is_difference for write in writes):
            continue
        if values is None:
            values = contents.read_values(tx, there, contents.body(there))
        made = [
            whole_write(NewWrite(write.number, write.channel, write.value(value_of(values, write.channel))))
            for write in writes
        ]
        columns = line.number, there.checkpoint_id, row.task_id, row.slot, row.task_path
        tx.run(
            statements.REPLACE_WRITES, line=line.number, checkpoint_id=there.checkpoint_id, task_id=row.task_id,
            slot=row.slot, task_path=row.task_path, payload=line.cover.seal(pack(made), write_bound(*columns)),
        )  # fmt: skip
    tx.run(statements.DELETE_CHECKPOINT, id=there.id)


def _check_last(tx: Transaction, line: Line, new: NewCheckpoint, subject: str) -> None:
    low, high = ids_of(line.number)
    row = tx.one(statements.LAST_PUT, low=low, high=high)
    last = None if row is None else text_of_key(row[0])
    if last is not None and last != new.parent_id:
        raise ThreadConflictError(
            f"{subject}: checkpoint {last!r} was put after the one that this run follows. Nothing was stored. Run one "
            "graph at a time on a thread, and begin again from its latest checkpoint. To go on from an older one, "
            "begin with graph.update_state(its config, None)."
        )

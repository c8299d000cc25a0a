"""The fast paths of checkpoints on Postgres: each does the same as its command, or leaves it to the command.

Waiting puts go together, and waiting writes do (`sending.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.checkpoints.body import by_slot, pack
from sessions.checkpoints.covers import PlainCovers, write_bound
from sessions.checkpoints.fast.beginning import begin
from sessions.checkpoints.fast.sending import Guard, Planned, Sending
from sessions.checkpoints.fast.statements import (
    PUT,
    PUT_MANY,
    PUT_MANY_BESIDE,
    PUT_WRITES,
    PUT_WRITES_MANY,
    PUT_WRITES_MANY_BESIDE,
    READ_LATEST,
    READ_ONE,
)
from sessions.checkpoints.lines import Line
from sessions.checkpoints.plan import Ends, Parent, plan
from sessions.checkpoints.put import Put
from sessions.checkpoints.put_writes import PutWrites
from sessions.checkpoints.read import Read, Rows
from sessions.checkpoints.remembered import State
from sessions.checkpoints.rows import CheckpointRow, WritesRow
from sessions.checkpoints.threads import check_owner, thread_of
from sessions.db.component import NOT_DONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sessions.db.component import FastPath, NotDone
    from sessions.db.postgres.database import AsyncpgDatabase

_THREAD, _CHECKPOINT, _PIECE, _WRITES, _END = range(5)


class PostgresPaths:
    """The fast paths of checkpoints on one database.

    Args:
        database: The database.
    """

    def __init__(self, database: AsyncpgDatabase) -> None:
        self._database = database
        self._puts = Sending(database, _planned_put, alone=(PUT, _one_put), together=(PUT_MANY, PUT_MANY_BESIDE, _puts))
        self._writes = Sending(
            database,
            _planned_writes,
            alone=(PUT_WRITES, _one_task),
            together=(PUT_WRITES_MANY, PUT_WRITES_MANY_BESIDE, _tasks),
        )

    def by_type(self) -> dict[type, FastPath]:
        """Return the fast paths by type of command."""
        return {Put: self._put, PutWrites: self._put_writes, Read: self._read}

    async def _put(self, put: Put, subject: str) -> State | NotDone:
        known = put.known
        if put.new.follows_last:
            return NOT_DONE
        if known is None:
            is_new = put.new.parent_id is None and put.seen is None and put.within is None
            return await begin(self._database, put, subject) if is_new and type(put.covers) is PlainCovers else NOT_DONE
        if put.seen not in (None, known.line.number):
            return NOT_DONE
        if put.within not in (None, known.line.thread.number):
            return NOT_DONE
        return await self._puts.submit(put, subject)

    async def _put_writes(self, put: PutWrites, subject: str) -> int | NotDone:
        if put.known is None or put.seen != put.known.line.number:
            return NOT_DONE
        if put.within not in (None, put.known.line.thread.number):
            return NOT_DONE
        return await self._writes.submit(put, subject)

    async def _read(self, read: Read, subject: str) -> Rows | None:
        place = read.place
        known = (None, None) if read.known is None else (read.known.row, read.known.line.next_number)
        values = place.thread_id, place.ns, read.now, *known
        if read.checkpoint_id is None:
            rows = await self._database.read_rows(subject, READ_LATEST, *values)
        else:
            rows = await self._database.read_rows(subject, READ_ONE, *values, read.checkpoint_id)
        return _rows_of(read, rows)


def _planned_put(put: Put) -> Planned[State] | None:
    known, new = put.known, put.new
    assert known is not None  # noqa: S101 - others are not sent
    ends = Ends(lambda one: one.may_grow, None)
    made = plan(new, put.given, known.line, Parent(known.versions, known.values), ends, subject=put.subject)
    if made is None:
        return None
    line = known.line._replace(next_number=made.next_number, updated_at=put.now)
    done = State(line, new.checkpoint_id, made.id, new.versions, made.values).behind(known)
    columns = made.id, new.checkpoint_id, new.parent_id, new.run_id, made.heads, made.body
    guard = Guard.of(known.line, put.place, put.now)
    return Planned(guard, (guard.line,), (made.next_number, made.pieces, columns), done)


def _one_put(one: Planned[State]) -> Sequence[Any]:
    next_number, pieces, columns = one.values
    return *one.guard, next_number, [number for number, _ in pieces], [payload for _, payload in pieces], *columns


def _puts(planned: Sequence[Planned[State]]) -> Sequence[Any]:
    pieces = [(one.guard.line, number, payload) for one in planned for number, payload in one.values[1]]
    return (
        *_columns([one.guard for one in planned], 5),
        [one.values[0] for one in planned],
        *_columns(pieces, 3),
        *_columns([one.values[2] for one in planned], 6),
    )


def _planned_writes(put: PutWrites) -> Planned[int]:
    known = put.known
    assert known is not None  # noqa: S101 - others are not sent
    line, place = known.line, (put.checkpoint_id, put.task_id)
    slots = by_slot(put.stored(known))
    payloads = [
        line.cover.seal(pack(writes), write_bound(line.number, *place, slot, put.task_path))
        for slot, writes in slots.items()
    ]
    guard = Guard.of(line, put.place, put.now)
    values = *place, put.task_path, list(slots), payloads
    return Planned(guard, (line.number, *place), values, line.number, len(slots))


def _one_task(one: Planned[int]) -> Sequence[Any]:
    return *one.guard, *one.values


def _tasks(planned: Sequence[Planned[int]]) -> Sequence[Any]:
    guards = {one.guard.line: one.guard for one in planned}
    rows = [
        (one.guard.line, checkpoint_id, task_id, slot, task_path, payload)
        for one in planned
        for checkpoint_id, task_id, task_path, slots, payloads in [one.values]
        for slot, payload in zip(slots, payloads, strict=True)
    ]
    return *_columns(list(guards.values()), 5), *_columns(rows, 6)


def _columns(rows: Sequence[Sequence[Any]], count: int) -> list[list[Any]]:
    """Return rows as so many columns, as statements unnest them."""
    return [[row[number] for row in rows] for number in range(count)]


def _rows_of(read: Read, rows: Iterable[Any]) -> Rows | None:
    """Return a checkpoint of the rows of `READ_LATEST` or `READ_ONE`.

    Raises:
        OwnerError: The thread is another owner's.
        DecryptionError: It cannot be opened with the given keys.
    """
    pieces: dict[int, bytes] = {}
    ends: list[int] = []
    checkpoint: CheckpointRow | None = None
    line: Line | None = None
    written: list[Any] = []
    for row in rows:
        what, a, b, c, d, e, s, t, u, v, p = row
        if what == _PIECE:
            pieces[a] = p
        elif what == _END:
            ends.append(a)
        elif what == _WRITES:
            written.append((s, a, t, p))
        elif what == _CHECKPOINT:
            checkpoint = CheckpointRow(a, s, t, u, 0, b, v, p)
        else:
            thread = thread_of(a, s, p, e)
            check_owner(read.place.thread_id, read.place.owner, thread)
            if b is not None:
                line = Line(b, c, d, thread, read.covers.unlock(read.place.thread_id, thread.wrapped_keys))
    if line is None or checkpoint is None:
        return None
    found = [WritesRow.of(checkpoint.checkpoint_id, columns) for columns in written]
    known = read.known if read.known is not None and read.known.is_current(line, checkpoint.id) else None
    return Rows(line, checkpoint, pieces, found, frozenset(ends), known)

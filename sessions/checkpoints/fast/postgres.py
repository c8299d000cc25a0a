"""The fast paths of checkpoints on Postgres: each does the same as its command, or leaves it to the command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.checkpoints.body import by_slot, pack
from sessions.checkpoints.covers import write_bound
from sessions.checkpoints.fast.statements import PUT, PUT_WRITES, READ_LATEST, READ_ONE
from sessions.checkpoints.lines import Line
from sessions.checkpoints.plan import Ends, Parent, plan
from sessions.checkpoints.put import Put
from sessions.checkpoints.put_writes import PutWrites
from sessions.checkpoints.read import Read, Rows
from sessions.checkpoints.remembered import State
from sessions.checkpoints.rows import CheckpointRow, WritesRow
from sessions.checkpoints.threads import check_owner, thread_of
from sessions.db.component import NOT_DONE
from sessions.db.sqlalchemy.errors import Trouble, trouble_of
from sessions.db.sqlalchemy.retry import FailedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessions.checkpoints.values import Place
    from sessions.db.component import FastPath, NotDone
    from sessions.db.postgres.database import AsyncpgDatabase
    from sessions.db.transaction import Statement

_THREAD, _CHECKPOINT, _PIECE, _WRITES, _END = range(5)


class PostgresPaths:
    """The fast paths of checkpoints on one database.

    Args:
        database: The database.
    """

    def __init__(self, database: AsyncpgDatabase) -> None:
        self._database = database

    def by_type(self) -> dict[type, FastPath]:
        """Return the fast paths by type of command."""
        return {Put: self._put, PutWrites: self._put_writes, Read: self._read}

    async def _put(self, put: Put, subject: str) -> State | NotDone:
        known, new = put.known, put.new
        if known is None or new.follows_last or put.seen not in (None, known.line.number):
            return NOT_DONE
        ends = Ends(lambda one: one.may_grow, None)
        made = plan(new, put.given, known.line, Parent(known.versions, known.values), ends, subject=subject)
        if made is None:
            return NOT_DONE
        rows = await self._rows(
            subject, PUT, *_remembered(known.line, put.place, put.now), made.next_number,
            [number for number, _ in made.pieces], [payload for _, payload in made.pieces],
            made.id, new.checkpoint_id, new.parent_id, new.run_id, made.heads, made.body,
        )  # fmt: skip
        if not rows:
            return NOT_DONE
        line = known.line._replace(next_number=made.next_number, updated_at=put.now)
        return State(line, new.checkpoint_id, made.id, new.versions, made.values)

    async def _put_writes(self, put: PutWrites, subject: str) -> int | NotDone:
        known = put.known
        if known is None or put.seen != known.line.number:
            return NOT_DONE
        line = known.line
        slots = by_slot(put.stored(known))
        payloads = [
            line.cover.seal(pack(writes), write_bound(line.number, put.checkpoint_id, put.task_id, slot, put.task_path))
            for slot, writes in slots.items()
        ]
        rows = await self._rows(
            subject, PUT_WRITES, *_remembered(line, put.place, put.now), put.checkpoint_id, put.task_id,
            put.task_path, list(slots), payloads,
        )  # fmt: skip
        return line.number if rows and rows[0][0] == len(slots) else NOT_DONE

    async def _read(self, read: Read, subject: str) -> Rows | None:
        place = read.place
        known = (None, None) if read.known is None else (read.known.row, read.known.line.next_number)
        values = place.thread_id, place.ns, read.now, *known
        if read.checkpoint_id is None:
            rows = await self._database.read_rows(subject, READ_LATEST, *values)
        else:
            rows = await self._database.read_rows(subject, READ_ONE, *values, read.checkpoint_id)
        return _rows_of(read, rows)

    async def _rows(self, subject: str, statement: Statement, *values: Any) -> list[Any]:
        """Return the rows of a statement that changes something; none if its command has to say why it cannot."""

        async def attempt() -> list[Any]:
            try:
                return await self._database.fetch(statement, *values)
            except FailedError as failed:
                if trouble_of(failed.error) in (Trouble.OTHER, Trouble.NO_TABLES):
                    return []
                raise

        # If its answer was lost, the next number is another one: the command finds what was stored.
        return await self._database.retried(subject, attempt, repeatable=True)


def _remembered(line: Line, place: Place, now: int) -> tuple[Any, ...]:
    return line.number, line.next_number, now, place.owner, line.thread.wrapped_keys


def _rows_of(read: Read, rows: Iterable[Any]) -> Rows | None:
    """Return a checkpoint of the rows of `READ_LATEST` or `READ_ONE`.

    Raises:
        OwnerError: The thread is another owner's.
        DecryptionError: It cannot be opened with what is given.
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

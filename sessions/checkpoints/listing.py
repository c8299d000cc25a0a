"""Lists of checkpoints, page by page, newest id first; and the way back from one, for channels that are rebuilt."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sessions.checkpoints.body import value_of
from sessions.checkpoints.contents import Contents
from sessions.checkpoints.lines import Line, find_line
from sessions.checkpoints.ranges import joined, load_heads
from sessions.checkpoints.read import Rows
from sessions.checkpoints.rows import CheckpointRow, find_checkpoint, read_pieces, read_writes
from sessions.checkpoints.statements.listing import AGAIN, AT_ONCE, page_of
from sessions.checkpoints.threads import thread_of
from sessions.checkpoints.values import History, Place, Query
from sessions.db.dialect import text_of_key
from sessions.db.lists import parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.checkpoints.covers import Cover, Covers
    from sessions.checkpoints.values import Value, Write
    from sessions.db.transaction import Row, Transaction


class Found(NamedTuple):
    """A checkpoint of a page, without its values.

    Attributes:
        place: Where it is.
        line: Its line.
        row: Its own row.
    """

    place: Place
    line: Line
    row: CheckpointRow

    @property
    def cursor(self) -> tuple[str, int]:
        """Continues the list behind it."""
        return self.row.checkpoint_id, self.row.id

    def metadata(self) -> bytes:
        """Return its metadata.

        Raises:
            DecryptionError: It was altered.
            DamagedSessionError: It is damaged.
        """
        return Contents(self.place, self.line).body(self.row).metadata


def page(
    tx: Transaction, query: Query, covers: Covers, now: int, *, after: tuple[str, int] | None, count: int
) -> list[Found]:
    """Return the next checkpoints of a query, without their values; up to `count`.

    Raises:
        DecryptionError: A thread cannot be opened with the given keys.
    """
    values: dict[str, int | str] = {"now": now, "count": min(count, AT_ONCE)}
    for name in ("thread_id", "ns", "checkpoint_id", "before", "owner"):
        if (value := getattr(query, name)) is not None:
            values[name] = value
    names = set(values) - {"now", "count"}
    if after is not None:
        names.add("cursor")
        values |= {"last": after[0], "last_id": after[1]}
    return [_found(row, covers) for row in tx.all(page_of(names), **values)]


def load(tx: Transaction, found: Sequence[Found], covers: Covers) -> list[tuple[Place, Rows]]:
    """Return checkpoints of a page with their values and writes; those that are gone by now are left out.

    The pieces of all are read at once: neighbours in a list share most of them.
    """
    there: dict[int, Found] = {}
    for some in parts("c", AT_ONCE, [one.row.id for one in found]):
        for row in tx.all(AGAIN, **some):
            one = _found(row, covers)
            there[one.row.id] = one
    still = [there[one.row.id] for one in found if one.row.id in there]
    pieces = read_pieces(tx, joined(one for found_ in still for one in load_heads(found_.row.heads)))
    return [
        (one.place, Rows(one.line, one.row, pieces, read_writes(tx, one.line.number, one.row.checkpoint_id)))
        for one in still
    ]


def history(
    tx: Transaction, place: Place, checkpoint_id: str | None, channels: Sequence[str], *, covers: Covers, now: int
) -> dict[str, History]:
    """Return the writes that channels are rebuilt from: those of the checkpoints before one, back to their last values.

    It follows parents, so only the way to this checkpoint counts; hidden ones are on it, too.

    Raises:
        OwnerError: The thread is another owner's.
        DecryptionError: It cannot be opened with the given keys.
        DamagedSessionError: Its rows contradict each other.
    """
    writes: dict[str, list[Write]] = {channel: [] for channel in channels}
    seeds: dict[str, Value | None] = dict.fromkeys(channels)
    wanted = set(channels)
    line = find_line(tx, place, covers, now)
    row = None if line is None else find_checkpoint(tx, line.number, checkpoint_id)
    passed = set[str]()
    while line is not None and row is not None and row.parent_id is not None and wanted:
        if row.parent_id in passed:
            break  # Ids that users give may go round in a circle.
        passed.add(row.parent_id)
        row = find_checkpoint(tx, line.number, row.parent_id)
        if row is None:
            break
        contents = Contents(place, line)
        body = contents.body(row)
        here = wanted & body.channels
        values = contents.read_values(tx, row, body, here) if here else {}
        for write in reversed(contents.writes(read_writes(tx, line.number, row.checkpoint_id), values, wanted)):
            writes[write.channel].append(write)
        for channel in here:
            seeds[channel] = value_of(values, channel)
        wanted -= here
    return {channel: History(writes[channel][::-1], seeds[channel]) for channel in channels}


def _found(row: Row, covers: Covers) -> Found:
    thread_id, ns = text_of_key(row[1]), text_of_key(row[6])
    thread = thread_of(row[0], *row[2:5])
    cover: Cover = covers.unlock(thread_id, thread.wrapped_keys)
    return Found(Place(thread_id, ns), Line(row[5], row[7], row[8], thread, cover), CheckpointRow.of(row[9:]))

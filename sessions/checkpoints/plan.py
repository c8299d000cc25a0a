"""Planning a put: which pieces are stored, where, and the checkpoint's heads and body. It needs no database."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sessions.checkpoints.body import INLINE, Body, pack, value_of
from sessions.checkpoints.covers import checkpoint_bound, piece_bound
from sessions.checkpoints.difference import Known, piece_of
from sessions.checkpoints.ranges import dump_heads
from sessions.checkpoints.values import ONE
from sessions.db.ids import check_position, id_of, owner_of, position_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sessions.checkpoints.difference import Made, Range
    from sessions.checkpoints.lines import Line
    from sessions.checkpoints.values import NewCheckpoint, Value, Version


class Parent(NamedTuple):
    """The known rows of the checkpoint that a new one follows.

    Attributes:
        versions: The versions of its channels.
        values: Its values.
    """

    versions: Mapping[str, Version]
    values: Mapping[str, Known | bytes]


NO_PARENT = Parent({}, {})


class Given(NamedTuple):
    """The values of a new checkpoint, as they were given.

    Attributes:
        changed: Those whose version moved.
        unchanged: The others, each as it was serialized or as this process remembers it.
    """

    changed: Mapping[str, Value]
    unchanged: Mapping[str, Value]


class Plan(NamedTuple):
    """The rows that a put stores.

    Attributes:
        next_number: The line's next number behind it.
        pieces: New pieces with their ids, covered.
        id: The id of the checkpoint's row.
        heads: The ranges of its values.
        body: Its payload, covered.
        values: Its values, to be remembered.
    """

    next_number: int
    pieces: list[tuple[int, bytes]]
    id: int
    heads: str
    body: bytes
    values: dict[str, Known | bytes]


class Ends(NamedTuple):
    """Where versions can be continued.

    Attributes:
        may_grow: Tells whether a version is at the end of its chain.
        new_chain: Returns the number of a new chain; ``None`` if none can be had.
    """

    may_grow: Callable[[Known], bool]
    new_chain: Callable[[], int] | None


def plan(new: NewCheckpoint, given: Given, line: Line, parent: Parent, ends: Ends, *, subject: str) -> Plan | None:
    """Return the rows to be stored; ``None`` if that takes a new chain and none can be had.

    Raises:
        StoreFullError: The line or a chain is full.
    """
    number = line.next_number
    inline: dict[str, bytes] = {}
    ranges: dict[str, list[Range]] = {}
    values: dict[str, Known | bytes] = {}
    pieces: list[tuple[int, bytes]] = []

    def keep(channel: str, known: Known | bytes) -> None:
        values[channel] = known
        if isinstance(known, bytes):
            inline[channel] = known
        else:
            ranges[channel] = known.ranges

    for channel, value in {**given.unchanged, **given.changed}.items():
        old = parent.values.get(channel)
        if channel not in given.changed and old is not None and _same_version(new, parent, channel):
            keep(channel, old)
            continue
        if value.shape == ONE and len(value.parts[0]) <= INLINE:
            keep(channel, value.parts[0])
            continue
        base = old if isinstance(old, Known) else None
        made = piece_of(base, value)
        if made is None and base is not None:
            keep(channel, base)
            continue
        assert made is not None  # noqa: S101 - nothing equals no value
        if made.is_whole or base is None:
            piece = id_of(line.number, check_position(number, subject, "values and checkpoints"))
            number += 1
            made.known.ranges = [(piece, piece)]
        elif not _continue(base, made, line, ends, subject):
            return None
        piece = made.known.ranges[-1][1]
        pieces.append((piece, line.cover.seal(made.payload, piece_bound(piece))))
        keep(channel, made.known)
    heads = dump_heads([one for found in ranges.values() for one in found])
    body = Body(
        new.head, new.metadata, dict(new.versions), inline, [(name, len(found)) for name, found in ranges.items()],
        list(new.replayed),
    )  # fmt: skip
    row = id_of(line.number, check_position(number, subject, "values and checkpoints"))
    bound = checkpoint_bound(row, new.checkpoint_id, new.parent_id, new.run_id, heads)
    return Plan(number + 1, pieces, row, heads, line.cover.seal(pack(body), bound), values)


def _same_version(new: NewCheckpoint, parent: Parent, channel: str) -> bool:
    return channel in parent.versions and parent.versions[channel] == new.versions.get(channel)


def _continue(base: Known, made: Made, line: Line, ends: Ends, subject: str) -> bool:
    """Place a difference behind its base, or in a new chain; tell whether that can be done."""
    first, last = base.ranges[-1]
    # A line's own chain has whole values only, one beside the other.
    if owner_of(last) != line.number and ends.may_grow(base):
        check_position(position_of(last) + 1, subject, "versions of a value")
        made.known.ranges = [*base.ranges[:-1], (first, last + 1)]
    elif ends.new_chain is None:
        return False
    else:
        piece = id_of(ends.new_chain(), 1)
        made.known.ranges = [*base.ranges, (piece, piece)]
    made.known.may_grow = True
    return True


def given_values(new: NewCheckpoint, known: Mapping[str, Known | bytes], versions: Mapping[str, Version]) -> Given:
    """Return a checkpoint's values; those that have to be are serialized now.

    Args:
        new: The checkpoint.
        known: The values of its parent that this process remembers, if any.
        versions: The parent's versions.
    """
    unchanged: dict[str, Value] = {}
    for channel, make in new.unchanged.items():
        old = value_of(known, channel) if versions.get(channel) == new.versions.get(channel) else None
        unchanged[channel] = make() if old is None else old
    return Given(new.changed, unchanged)

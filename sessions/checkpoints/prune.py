"""Pruning a thread: all but its latest checkpoints go, and the pieces that only they needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sessions.checkpoints.collect import collect
from sessions.checkpoints.contents import Contents
from sessions.checkpoints.delete import delete_checkpoints, delete_line
from sessions.checkpoints.lines import Line
from sessions.checkpoints.rows import find_checkpoint, text_or_none
from sessions.checkpoints.statements import lines as line_statements
from sessions.checkpoints.statements import rows as statements
from sessions.checkpoints.threads import lock_owned
from sessions.checkpoints.values import Place, Pruned
from sessions.db.dialect import text_of_key
from sessions.db.ids import ids_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessions.checkpoints.covers import Covers
    from sessions.checkpoints.threads import Thread
    from sessions.db.transaction import Row, Transaction


class Keep(NamedTuple):
    """Which checkpoints of each namespace stay.

    Attributes:
        last: The latest ones, so many; at least 1.
        since: Those that were put from this time on.
    """

    last: int = 1
    since: int | None = None


class _Outline(NamedTuple):
    """A checkpoint without its contents."""

    id: int
    checkpoint_id: str
    parent_id: str | None
    hidden: int
    created_at: int
    size: int


def prune(tx: Transaction, thread_id: str, keep: Keep, covers: Covers, owner: str | None) -> Pruned:
    """Remove the checkpoints of a thread that are not to be kept, with their writes and pieces.

    A graph within that was called from a checkpoint goes with it. Checkpoints that a channel of a kept one is rebuilt
    from stay, hidden.

    Raises:
        OwnerError: The thread is another owner's.
        DecryptionError: It cannot be opened with the given keys.
    """
    thread = lock_owned(tx, thread_id, owner)
    if thread is None:
        return Pruned()
    cover = covers.unlock(thread_id, thread.wrapped_keys)
    pruned, calls = Pruned(), dict[str, bool]()
    lines = [(line, text_of_key(ns), text_or_none(root)) for line, ns, root, _ in _lines(tx, thread)]
    # First the graph itself: its checkpoints decide about the graphs that they called.
    for line, ns, root in sorted(lines, key=lambda one: (one[1] != "", one[0])):
        if root is not None and calls.get(root) is False:
            pruned = _sum(pruned, _delete_line(tx, line))
            continue
        found = [_outline(row) for row in tx.all(statements.OUTLINE, line=line)]
        kept = _kept(found, keep)
        if ns == "":
            calls = {one.checkpoint_id: one.checkpoint_id in kept for one in found}
        place = Contents(Place(thread_id, ns), Line(line, 0, 0, thread, cover))
        needed = _needed(tx, place, found, kept)
        pruned = _sum(pruned, _prune_line(tx, line, found, kept, needed))
    return pruned


def _lines(tx: Transaction, thread: Thread) -> list[Row]:
    return tx.all(line_statements.LINES_OF, thread=thread.number)


def _kept(found: Iterable[_Outline], keep: Keep) -> set[str]:
    """Return the ids of the checkpoints that stay, of all of a line, the latest first."""
    seen = [one for one in found if not one.hidden]
    return {
        one.checkpoint_id
        for number, one in enumerate(seen)
        if number < keep.last or (keep.since is not None and one.created_at >= keep.since)
    }


def _needed(tx: Transaction, contents: Contents, found: Iterable[_Outline], kept: set[str]) -> set[str]:
    """Return the ids of checkpoints that are not kept, but have writes that channels of kept ones are rebuilt from."""
    parents = {one.checkpoint_id: one.parent_id for one in found}
    needed: set[str] = set()
    for checkpoint_id in kept:
        wanted = _replayed(tx, contents, checkpoint_id)
        at, passed = parents.get(checkpoint_id), {checkpoint_id}
        while wanted and at is not None and at in parents and at not in passed:
            passed.add(at)
            if at not in kept:
                needed.add(at)
            row = find_checkpoint(tx, contents.line.number, at)
            if row is None:
                break
            wanted -= contents.body(row).channels
            at = parents[at]
    return needed


def _replayed(tx: Transaction, contents: Contents, checkpoint_id: str) -> set[str]:
    """Return the channels of a checkpoint that are rebuilt from those before it."""
    row = find_checkpoint(tx, contents.line.number, checkpoint_id)
    if row is None:
        return set()
    body = contents.body(row)
    return {channel for channel in body.replayed if channel in body.versions} - body.channels


def _prune_line(tx: Transaction, line: int, found: Iterable[_Outline], kept: set[str], needed: set[str]) -> Pruned:
    gone = [one for one in found if one.checkpoint_id not in kept and one.checkpoint_id not in needed]
    hidden = [one for one in found if one.checkpoint_id in needed]
    for one in hidden:
        if not one.hidden:
            tx.run(statements.HIDE, id=one.id)
    if not gone:
        return Pruned(kept=len(hidden))
    writes, size = delete_checkpoints(tx, line, [one.checkpoint_id for one in gone])
    size += sum(one.size for one in gone) + collect(tx, line)
    return Pruned(len(gone), writes, size, len(hidden))


def _delete_line(tx: Transaction, line: int) -> Pruned:
    checkpoints, writes, size = tx.the(statements.SIZE_OF_LINE, line=line)
    for (chain,) in tx.all(line_statements.CHAINS_OF, line=line):
        low, high = ids_of(chain)
        size += tx.the(statements.BYTES_OF_PIECES, low=low, high=high)[0]
    delete_line(tx, line)
    return Pruned(int(checkpoints), int(writes), int(size))


def _sum(one: Pruned, other: Pruned) -> Pruned:
    return Pruned(*(a + b for a, b in zip(one, other, strict=True)))


def _outline(row: Row) -> _Outline:
    number, checkpoint_id, parent_id, hidden, created_at, size = row
    return _Outline(number, text_of_key(checkpoint_id), text_or_none(parent_id), hidden, created_at, int(size))

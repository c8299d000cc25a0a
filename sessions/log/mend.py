"""Repair: what is wrong with a branch, and the mended one in its place."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from sessions.log.branch import find_head, lineage
from sessions.log.changes import record_change
from sessions.log.classify import classify_items
from sessions.log.entries import read_entries
from sessions.log.grow import NewEntry, add_entries
from sessions.log.left_tips import keep_tip, move_tip, settle_ways_forward
from sessions.log.outline import read_outline
from sessions.log.session_row import ensure_sealed, guard_branch
from sessions.log.takeover import change_head
from sessions.log.turns import turn_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessions.log.branch import Head, Stretch
    from sessions.log.conversation import Conversation
    from sessions.log.entries import StoredEntry
    from sessions.log.session_row import LockedSession
    from sessions.log.transaction import Transaction


class Damaged(Protocol):
    """Something that is wrong with a list of items; `at` returns the same, said of another position."""

    @property
    def position(self) -> int:
        """The index of the item."""
        ...

    def at(self, position: int) -> Any:
        """Return the same of a branch, where the item has another position."""
        ...


class _Added(NamedTuple):
    entry: NewEntry
    created_at: int
    expires_at: int | None


def find_damages(
    tx: Transaction,
    conversation: Conversation,
    mend: Callable[[list[Any]], tuple[list[Any], Sequence[Damaged]]],
    branch: str | None,
) -> tuple[list[Any], list[int], str]:
    """Return what `mend` finds on a branch, by positions.

    Returns:
        The damages, the positions of entries that could not be decoded, and the branch's name.

    Raises:
        UnknownBranchError: There is no such branch.
    """
    entries, undecodable, name = read_outline(tx, conversation, branch)
    _, damages = mend([entry.item for entry in entries])
    return _by_position(damages, entries), undecodable, name


def mend_branch(
    tx: Transaction,
    conversation: Conversation,
    now: int,
    mend: Callable[[list[Any]], tuple[list[Any], Sequence[Damaged]]],
    encode: Callable[[list[Any]], list[bytes]],
    *,
    branch: str | None,
    alone: bool = False,
) -> tuple[list[Any], list[int]]:
    """Mend a branch. What is missing at its end is added there; otherwise its mended end goes on a segment of its own.

    What was there stays as a way that the branch left. Entries that could not be decoded stay where they are: behind
    the first damage they are only there.

    Args:
        tx: A transaction.
        conversation: The session.
        now: The time, in microseconds since 1970, UTC.
        mend: Returns the mended items, with the same objects where they are kept, and what was wrong.
        encode: Makes payloads of items.
        branch: The branch; the current one unless named.
        alone: Whether to leave it alone while somebody else holds it, also if they let others in.

    Returns:
        The damages, by positions, and the positions of entries that could not be decoded.

    Raises:
        LeaseLostError: The conversation's lease was lost.
        SessionBusyError: Somebody else holds the branch.
        UnknownBranchError: There is no such branch.
        DecryptionError: The session is sealed with another key, or a payload is not what was stored there.
    """
    found = change_head(tx, conversation, now, branch, guard=False)
    if found is None:
        return [], []
    locked, head = found
    guard_branch(tx, locked, now, alone=alone)
    stretches = lineage(tx, head)
    entries, undecodable = read_entries(tx, head.reader, stretches, (0, head.tip))
    mended, damages = mend([entry.item for entry in entries])
    if damages:
        kept = _in_common(entries, mended)
        if kept < len(entries):
            _go_back(tx, locked, stretches, entries[kept].position - 1, now)
        locked = ensure_sealed(tx, locked)
        _add(tx, locked, _as_added(entries, mended, kept, encode, now), now)
        if kept == len(mended):
            # Nothing was added, which would have made what was there a way that was left, and none that redo goes.
            settle_ways_forward(tx, cast("Head", find_head(tx, conversation, locked.branch)))
    return _by_position(damages, entries), undecodable


def _by_position(damages: Sequence[Damaged], entries: list[StoredEntry]) -> list[Any]:
    return [damage.at(entries[damage.position].position) for damage in damages]


def _in_common(entries: list[StoredEntry], mended: list[Any]) -> int:
    """Return how many entries stay as they are before the first change."""
    pairs = zip(entries, mended, strict=False)
    shorter = min(len(entries), len(mended))
    return next((number for number, (entry, item) in enumerate(pairs) if entry.item is not item), shorter)


def _go_back(tx: Transaction, locked: LockedSession, stretches: list[Stretch], tip: int, now: int) -> None:
    """Move the branch's tip back and keep where it was: as after `undo`, what is added next makes that a left tip."""
    keep_tip(tx, locked, now, pending=True)
    move_tip(tx, locked, tip, turn_at(tx, stretches, tip), may_grow=0, now=now)
    record_change(tx, locked, "mended", now)


def _as_added(
    entries: list[StoredEntry],
    mended: list[Any],
    kept: int,
    encode: Callable[[list[Any]], list[bytes]],
    now: int,
) -> list[_Added]:
    """Return all but the first `kept` items. What is moved keeps its times and author; what is new expires with it."""
    known = {id(entry.item): entry for entry in entries}
    added = []
    expires_at = entries[kept - 1].expires_at if kept else None
    kinds = classify_items(mended)[kept:]
    items = mended[kept:]
    for item, payload, (kind, tool_name) in zip(items, encode(items), kinds, strict=True):
        entry = known.get(id(item))
        expires_at = entry.expires_at if entry else expires_at
        new = NewEntry(payload, kind, tool_name, entry.author if entry else None)
        added.append(_Added(new, entry.created_at if entry else now, expires_at))
    return added


def _add(tx: Transaction, locked: LockedSession, added: list[_Added], now: int) -> None:
    for expires_at, group in groupby(added, key=lambda new: new.expires_at):
        together = list(group)
        created_at = [new.created_at for new in together]
        add_entries(tx, locked, [new.entry for new in together], now, created_at=created_at, expires_at=expires_at)

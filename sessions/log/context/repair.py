"""Repair: finding a branch's damage, and replacing the branch by a repaired one."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from sessions.items.calls import classify, format_of
from sessions.items.kinds import PLACEHOLDER
from sessions.log.context.annotations import find_marks, flag_marks, put_back, replace_summary, surviving
from sessions.log.context.walker import Walker
from sessions.log.core.change_log import record_change
from sessions.log.core.changing import change_head
from sessions.log.core.entry_ids import EntryId
from sessions.log.core.extend import NewEntry, add_entries
from sessions.log.core.heads import MAIN, find_head, lineage
from sessions.log.core.item_keys import keys_of
from sessions.log.core.locking import ensure_encrypted, guard_branch
from sessions.log.core.reflog import keep_tip, move_tip, settle_ways_forward
from sessions.log.core.turns import turn_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessions.db.transaction import Transaction
    from sessions.log.context.walker import Shown
    from sessions.log.conversation import Codec, Conversation
    from sessions.log.core.heads import Head, Stretch
    from sessions.log.core.item_keys import ItemKey
    from sessions.log.core.locking import LockedSession
    from sessions.log.words import EntryRow


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
    repair: Callable[[list[Any]], tuple[list[Any], Sequence[Damaged]]],
    branch: str | None,
) -> tuple[list[Any], list[int], str]:
    """Return the damage that `repair` finds on a branch, by positions.

    Returns:
        The damages, the positions of entries that could not be decoded, and the branch's name.

    Raises:
        UnknownBranchError: The session has no such branch.
    """
    head = find_head(tx, conversation, branch)
    if head is None:
        return [], [], MAIN
    shown, undecodable = Walker(tx, head).all()
    _, damages = repair([one.item for one in shown])
    return _by_position(damages, shown), undecodable, head.branch


def repair_branch(
    tx: Transaction,
    conversation: Conversation,
    now: int,
    repair: Callable[[list[Any]], tuple[list[Any], Sequence[Damaged]]],
    *,
    branch: str | None,
    alone: bool = False,
) -> tuple[list[Any], list[int]]:
    """Repair a branch: add missing outputs at its end, or else rewrite its end on a new segment.

    The old end stays as a way that the branch left. Entries that could not be decoded stay where they are: those behind
    the first damage are only on the old end.

    Args:
        tx: A transaction.
        conversation: The session.
        now: The time, in microseconds since 1970, UTC.
        repair: Returns the repaired items, with the same objects for kept ones, and the damage.
        branch: The branch; the current one unless named.
        alone: Whether to leave it alone while another caller holds it, even if that lease is not exclusive.

    Returns:
        The damages, by positions, and the positions of entries that could not be decoded.

    Raises:
        LeaseLostError: The conversation's lease was lost.
        SessionBusyError: Another caller holds the branch.
        UnknownBranchError: The session has no such branch.
        DecryptionError: The session is encrypted with another key, or a payload was altered.
    """
    found = change_head(tx, conversation, now, branch, guard=False)
    if found is None:
        return [], []
    locked, head = found
    guard_branch(tx, locked, now, alone=alone)
    shown, undecodable = Walker(tx, head).all()
    repaired, damages = repair([one.item for one in shown])
    positions = _by_position(damages, shown)
    if not damages:
        return positions, undecodable
    # Once, for all that is added: it would get other wrapped keys each time.
    locked = ensure_encrypted(tx, locked)
    is_append = not _repair_summaries(tx, locked, shown, repair, now)
    if not is_append:
        head = cast("Head", find_head(tx, conversation, locked.branch))
        shown, _ = Walker(tx, head).all()
        repaired, damages = repair([one.item for one in shown])
    if damages:
        kept = _in_common(shown, repaired)
        keys = keys_of(tx, head, (one.row.id for one in shown[kept:]))
        marks: list[EntryRow] = []
        if kept < len(shown):
            tip = shown[kept].position - 1
            marks = surviving(head, find_marks(tx, head, tip), tip)
            _go_back(tx, locked, lineage(tx, head), tip, now)
            is_append = False
        _add(tx, locked, _as_added(shown, repaired, kept, conversation.codec, now=now, keys=keys), now)
        put_back(tx, locked, head, marks, now, behind_new=True)
        if kept == len(repaired) and not marks:
            # Nothing was added. An addition would have made the old end a sibling, which redo does not restore.
            settle_ways_forward(tx, cast("Head", find_head(tx, conversation, locked.branch)))
    if not is_append:
        record_change(tx, locked, "repaired", now)
    return positions, undecodable


def _repair_summaries(
    tx: Transaction,
    locked: LockedSession,
    shown: list[Shown],
    repair: Callable[[list[Any]], tuple[list[Any], Sequence[Damaged]]],
    now: int,
) -> bool:
    """Put repaired summaries in the place of those of which too much was popped; tell whether there were any."""
    found = False
    for summary in {one.summary.position: one.summary for one in shown if one.summary}.values():
        items, damages = repair(summary.items)
        if damages:
            replace_summary(tx, locked, summary, items, now)
            found = True
    return found


def _by_position(damages: Sequence[Damaged], shown: list[Shown]) -> list[Any]:
    return [damage.at(shown[damage.position].position) for damage in damages]


def _in_common(shown: list[Shown], repaired: list[Any]) -> int:
    """Return how many items stay as they are before the first change."""
    pairs = zip(shown, repaired, strict=False)
    shorter = min(len(shown), len(repaired))
    return next((number for number, (one, item) in enumerate(pairs) if one.item is not item), shorter)


def _go_back(tx: Transaction, locked: LockedSession, stretches: list[Stretch], tip: int, now: int) -> None:
    """Move the branch's tip back and keep the old one: as after `undo`, the next append makes that a left tip."""
    keep_tip(tx, locked, now, pending=True)
    move_tip(tx, locked, tip, turn_at(tx, stretches, tip), may_extend=0, now=now)


def _as_added(
    shown: list[Shown], repaired: list[Any], kept: int, codec: Codec, *, now: int, keys: dict[int, ItemKey]
) -> list[_Added]:
    """Return all but the first `kept` items.

    Moved items keep their times, author, key and kind, and note their former entries. New ones are placeholders, and
    expire with the item before them. They have nothing of a call but its id.
    """
    known = {id(one.item): one.row for one in shown}
    added = []
    expires_at = shown[kept - 1].row.expires_at if kept else None
    kinds = classify(repaired)[kept:]
    items = repaired[kept:]
    for item, payload, (found, tool_name) in zip(items, codec.encode_all(items), kinds, strict=True):
        row = known.get(id(item))
        author, created_at = (None, now) if row is None else (row.author, row.created_at)
        format_ = format_of(item) if row is None or row.format is None else row.format
        expires_at = expires_at if row is None else row.expires_at
        kind = PLACEHOLDER if row is None or row.kind == PLACEHOLDER else found
        key = None if row is None else keys.get(row.id)
        source = None if row is None else EntryId(row.id, row.version)
        entry = NewEntry(payload, kind, tool_name, author, key, format_, source)
        added.append(_Added(entry, created_at, expires_at))
    return added


def _add(tx: Transaction, locked: LockedSession, added: list[_Added], now: int) -> None:
    if any(new.entry.kind == PLACEHOLDER for new in added):
        flag_marks(tx, locked)
    for expires_at, group in groupby(added, key=lambda new: new.expires_at):
        together = list(group)
        times: dict[str, Any] = {"created_at": [new.created_at for new in together], "expires_at": expires_at}
        keyed = any(new.entry.key for new in together)
        add_entries(tx, locked, [new.entry for new in together], now, keyed=keyed, copied=True, **times)

"""Putting entries at the end of a branch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from sessions.clock import NEVER
from sessions.db.ids import check_number, check_position, id_of
from sessions.items.kinds import USER
from sessions.log.core.copies import note_copies
from sessions.log.core.entry_rows import forget_left_segment
from sessions.log.core.fencing import check_lease
from sessions.log.core.heads import find_head, lineage, number_of
from sessions.log.core.item_keys import store_keys
from sessions.log.core.reflog import settle_ways_forward
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import entries as entry_statements
from sessions.log.statements import leases as lease_statements
from sessions.log.statements.extend import ADVANCE_TIP

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sessions.db.transaction import Row, Transaction
    from sessions.log.core.entry_ids import EntryId
    from sessions.log.core.item_keys import ItemKey
    from sessions.log.core.locking import LockedSession


class NewEntry(msgspec.Struct, frozen=True, gc=False):
    """An item on its way into the log. Imports make very many, and a `Struct` is made in a third of the time.

    Its `source` is the entry whose item it repeats, if it repeats one.
    """

    payload: bytes
    kind: str
    tool_name: str | None
    author: str | None = None
    key: ItemKey | None = None
    format: str | None = None
    source: EntryId | None = None


def add_entries(
    tx: Transaction,
    locked: LockedSession,
    entries: Sequence[NewEntry],
    now: int,
    *,
    created_at: Sequence[int] | None = None,
    expires_at: int | None = None,
    countable: bool = True,
    version: int | None = None,
    keyed: bool = False,
    copied: bool = False,
) -> int:
    """Put entries at the end of the locked session's branch and return its new tip.

    Args:
        tx: A transaction.
        locked: The session.
        entries: The entries to add, oldest first.
        now: The time, in microseconds since 1970, UTC.
        created_at: When each entry was made; now, if not given.
        expires_at: When they expire; `NEVER` if purging by age should spare them, too.
        countable: Whether they count as items.
        keyed: Whether some may have keys.
        copied: Whether some may repeat another entry's item.
        version: The version that first added them, if they are not new; no lower than that of any entry before them.

    Raises:
        UnknownBranchError: The session has no such branch.
        LeaseLostError: They are added under a lease that was lost.
        SessionBusyError: Another caller holds an exclusive lease on the branch.
        StoreFullError: The ids of entries are used up.
    """
    turns = sum(entry.kind == USER for entry in entries)
    place: dict[str, Any] = {"session": locked.session, "branch": locked.branch, "version": locked.version, "now": now}
    lease, number = locked.conversation.lease or 0, number_of(locked.branch)
    advanced = tx.one(ADVANCE_TIP, count=len(entries), turns=turns, lease=lease, number=number, **place)
    if advanced is None:
        check_lease(tx, locked.conversation, locked.session, locked.branch, now)
        advanced = _open_segment(tx, locked, now, len(entries), turns)
    segment, tip, turn = advanced
    check_position(tip, f"session {locked.conversation.session_id!r}: branch {locked.branch!r}", "entries")
    if not countable or (expires_at is not None and expires_at < NEVER):
        tx.run(branch_statements.NOTE_HOLE, segment=segment)
    first_id = id_of(segment, tip) - len(entries) + 1
    times = created_at or [now] * len(entries)
    version = locked.version if version is None else version
    rows = entry_rows(entries, times, expires_at, first_id, version=version, turn=turn - turns)
    tx.many(entry_statements.ADD_ENTRY, rows if locked.key is None else map(locked.key.encrypt, rows))
    if keyed:
        store_keys(tx, locked, entries, first_id, version)
    if copied:
        note_copies(tx, locked.session, entries, first_id, version)
    return int(tip)


def entry_rows(
    entries: Sequence[NewEntry],
    created_at: Sequence[int],
    expires_at: int | None,
    first_id: int,
    *,
    version: int,
    turn: int,
) -> Iterator[Row]:
    """Yield entries as rows of all columns; `turn` is the number of turns before them."""
    for id_, (entry, time) in enumerate(zip(entries, created_at, strict=True), first_id):
        turn += entry.kind == USER
        kind, tool_name, author, payload = entry.kind, entry.tool_name, entry.author, entry.payload
        yield id_, version, turn, kind, tool_name, author, time, expires_at, entry.format, payload


def ensure_row(tx: Transaction, locked: LockedSession, now: int) -> None:
    """Give the locked session's branch a row of its own if it is ``main`` and has none."""
    if tx.one(lease_statements.LEASE, session=locked.session, branch=locked.branch) is None:
        _open_segment(tx, locked, now, 0, 0)


def _open_segment(tx: Transaction, locked: LockedSession, now: int, count: int, turns: int) -> tuple[int, int, int]:
    """Give the branch a segment of its own, forked from the one that holds its tip's entry, with room for entries.

    Returns:
        The segment, and the branch's tip and turn including the reserved room.
    """
    head: Any = find_head(tx, locked.conversation, locked.branch)
    settle_ways_forward(tx, head)
    # The newest stretch ends at the tip; without one there is nothing to inherit.
    parent = next((stretch.segment for stretch in lineage(tx, head)), None)
    origin = {"session": locked.session, "parent": parent, "fork_position": head.tip}
    row = tx.the(branch_statements.CREATE_SEGMENT, turn=head.turn, **origin)
    (segment,) = row
    check_number(segment, f"session {locked.conversation.session_id!r}", "segments (one for each session and branch)")
    tx.run(
        branch_statements.PUT_BRANCH,
        segment=segment,
        branch=locked.branch,
        tip=head.tip + count,
        turn=head.turn + turns,
        version=locked.version,
        now=now,
        **origin,
    )
    if head.segment and head.tip <= head.fork_position:
        # The branch held nothing of its own there: attempts that are popped would leave a row each.
        forget_left_segment(tx, locked.session, head.segment)
    return segment, head.tip + count, head.turn + turns

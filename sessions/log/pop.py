"""Pop: remove the last item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from sessions.db.command import Command
from sessions.db.ids import owner_of
from sessions.items.kinds import USER
from sessions.log.context.annotations import find_marks, put_back, replace_summary, surviving
from sessions.log.context.view import walk_shown
from sessions.log.conversation import NO_EXPIRY
from sessions.log.core.change_log import record_change
from sessions.log.core.changing import lock_head
from sessions.log.core.entry_rows import delete_entries, delete_entry
from sessions.log.core.gc import collect, find_seen
from sessions.log.core.heads import lineage
from sessions.log.core.item_keys import note_popped
from sessions.log.core.locking import bump_version, ensure_encrypted
from sessions.log.core.reader import UNREADABLE
from sessions.log.core.reflog import forget_ways_forward, move_tip
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import entries as entry_statements
from sessions.log.words import EntryRow

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.context.annotations import Covering
    from sessions.log.context.walker import Shown
    from sessions.log.conversation import Conversation
    from sessions.log.core.heads import Head
    from sessions.log.core.locking import LockedSession

_PAGE = 8
"""Entries fetched at a time; the last one nearly always decodes."""


class Pop(Command[tuple[Any, list[int]]], msgspec.Struct, frozen=True, eq=False):
    """Remove the last decodable item from a branch. If this is a summary's item, the summary's range stays.

    Attributes:
        conversation: The session.
        now: The time, in microseconds since 1970, UTC.
        strict: Remove it only if no undecodable item follows it.
        branch: The branch; the current one unless named.
    """

    conversation: Conversation
    now: int
    strict: bool
    branch: str | None = None

    def on_current_branch(self) -> Pop:
        """Return the same for the current branch."""
        return msgspec.structs.replace(self, branch=None)

    def __call__(self, tx: Transaction) -> tuple[Any, list[int]]:
        """Pop in `tx`.

        Returns:
            The item, or ``None`` without any, and the positions of later entries that could not be decoded and stay.

        Raises:
            UnknownBranchError: The session has no such branch.
        """
        head = lock_head(tx, self.conversation, self.now, self.branch)
        if head is None:
            return None, []
        undecodable: list[int] = []
        for page in walk_shown(tx, head, _PAGE):
            for shown in page:
                if shown.item is not UNREADABLE:
                    self._take_back(tx, head, shown)
                    return shown.item, undecodable
                undecodable.append(shown.position)
                if self.strict:
                    return None, undecodable
        return None, undecodable

    def _take_back(self, tx: Transaction, head: Head, shown: Shown) -> None:
        locked: Any = bump_version(tx, self.conversation, self.now, head.branch)
        if shown.summary is None:
            _remove(tx, locked, head, shown.row, self.now)
        else:
            replace_summary(tx, ensure_encrypted(tx, locked), shown.summary, shown.summary.items[:-1], self.now)
            _forget_summary(tx, head, shown.summary)
        record_change(tx, locked, "popped", self.now)


def _remove(tx: Transaction, locked: LockedSession, head: Head, row: EntryRow, now: int) -> None:
    """Delete an entry where no other branch can see it, else move the tip back to before it.

    Entries after it that cannot be decoded stay, as a key may be found. Entries that are only too old for this reader
    stay, too, and so do marks. If the tip moves, they are put back behind the remaining entries: the way to them must
    not lead through the popped one.
    """
    entry, position = row.id, row.position
    turn = row.turn - (row.kind == USER)
    owned = owner_of(entry) == head.segment and head.may_extend and position > head.floor
    staying = _staying(tx, head, position, now) if position < head.tip else []
    if owned and staying:
        # It leaves a hole: later entries stay in its turn.
        delete_entry(tx, entry)
        tx.run(branch_statements.NOTE_HOLE, segment=head.segment)
        move_tip(tx, locked, head.tip, head.turn, may_extend=1, now=now)
        return
    back = [*staying, *surviving(head, find_marks(tx, head, position), position - 1)]
    back.sort(key=lambda row: row.position)
    if owned:
        note_popped(tx, head, position, lineage(tx, head) if head.keyed else [], removed=True)
        delete_entries(tx, entry - 1, entry - position + head.tip)
        move_tip(tx, locked, position - 1, turn, may_extend=1, now=now)
    else:
        # Others may have seen it, but need not see it any longer; and an undone turn cannot follow a deleted entry.
        before = find_seen(tx, head.session)
        note_popped(tx, head, position, lineage(tx, head) if head.keyed else [], removed=False)
        forget_ways_forward(tx, head)
        move_tip(tx, locked, position - 1, turn, may_extend=0, now=now)
        collect(tx, head.session, before)
    if back:
        put_back(tx, ensure_encrypted(tx, locked), head, back, now)


def _forget_summary(tx: Transaction, head: Head, summary: Covering) -> None:
    """Delete the entry of a summary that another one took the place of, where no other branch can see it."""
    entry = summary.row.id
    if owner_of(entry) == head.segment and head.may_extend and summary.position > head.floor:
        delete_entry(tx, entry)
        tx.run(branch_statements.NOTE_HOLE, segment=head.segment)


def _staying(tx: Transaction, head: Head, position: int, now: int) -> list[EntryRow]:
    """Return the items of a branch after a position that have not expired for all readers, the oldest first."""
    values = {"now": now, "oldest": NO_EXPIRY}
    return [
        EntryRow._make(row)
        for stretch in reversed(lineage(tx, head))
        if stretch.high > position
        for row in tx.all(entry_statements.ENTRIES_FORWARD, **stretch.ids(low=max(position, stretch.low)), **values)
    ]

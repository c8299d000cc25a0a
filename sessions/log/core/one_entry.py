"""Reading one entry: by its position on a branch, or by its id or its item's key on whichever way it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sessions.db.ids import POSITION_BITS, owner_of, position_of
from sessions.log.core.entries import stored_entry
from sessions.log.core.entry_ids import EntryId, parse_entry_id, unknown_entry
from sessions.log.core.heads import entry_at, find_head, lineage
from sessions.log.core.item_keys import find_place, keys_of
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import entries as entry_statements

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.entries import StoredEntry
    from sessions.log.core.heads import Head


class Wanted(NamedTuple):
    """Which entry to read: exactly one of these is given.

    Attributes:
        position: Its position on the branch that is read.
        id: Its id.
        key: Its item's key.
    """

    position: int | None = None
    id: str | None = None
    key: str | None = None

    def __str__(self) -> str:
        if self.key is not None:
            return "that key"
        return "that id" if self.position is None else f"position {self.position}"


def read_entry(
    tx: Transaction, conversation: Conversation, branch: str | None, wanted: Wanted
) -> tuple[StoredEntry, str]:
    """Return an entry, and the name of the branch that was read.

    Raises:
        UnknownEntryError: The session has no such entry.
        UnknownBranchError: The session has no such branch.
        DecryptionError: The session is encrypted with another key, or the entry was altered.
    """
    head = find_head(tx, conversation, branch)
    found = None if head is None else locate(tx, conversation, head, wanted, head.reader.visible)
    row = found and tx.one(entry_statements.ENTRY, id=found.entry)
    if head is None or not found or row is None or found.version not in {0, row[1]}:
        raise unknown_entry(conversation.session_id, str(wanted))
    _, _, _, _, _, _, created_at, expires_at, *_ = row
    if not head.reader.is_live(created_at, expires_at):
        raise unknown_entry(conversation.session_id, str(wanted))
    entry = stored_entry(row, head.reader)
    key = keys_of(tx, head, [entry.id.entry]).get(entry.id.entry)
    return entry._replace(parent=_parent(tx, head, entry.id.entry), key=key and key.key), head.branch


def locate(
    tx: Transaction, conversation: Conversation, head: Head, wanted: Wanted, visible: dict[str, int]
) -> EntryId | None:
    """Return where an entry is, with version 0 if any will do; by its key, only one that is `visible`."""
    if wanted.position is not None:
        entry = entry_at(lineage(tx, head), wanted.position)
        return EntryId(entry, 0) if entry else None
    if wanted.key is not None:
        place = find_place(tx, head, wanted.key, visible) if head.keyed else None
        return place and EntryId(*place)
    found = parse_entry_id(wanted.id, conversation.session_id)
    return found if _origin(tx, head.session, owner_of(found.entry)) else None


def _origin(tx: Transaction, session: int, segment: int) -> tuple[int | None, int] | None:
    """Return the parent of a segment and the position where it was forked; ``None`` if it is another session's."""
    row = tx.one(branch_statements.ORIGIN_IN_SESSION, session=session, segment=segment)
    return None if row is None else (row[0], row[1])


def _parent(tx: Transaction, head: Head, entry: int) -> EntryId | None:
    """Return the id of the entry before one. It is the same on every branch that has the entry."""
    segment: int | None = owner_of(entry)
    high = position_of(entry) - 1
    while segment is not None and high > 0:
        origin = _origin(tx, head.session, segment)
        if origin is None:
            break
        base = segment << POSITION_BITS
        segment, fork = origin
        if fork < high:
            row = tx.one(entry_statements.BEFORE, low=base + fork, high=base + high, **head.reader.visible)
            if row is not None:
                return EntryId(*row)
        high = min(high, fork)
    return None

"""The source of a copy: a branch up to an entry, read in pages, each in a snapshot of its own.

Nothing is locked between two pages, and other callers may append, undo or switch branches. As the log is only appended
to, that alters nothing before the last entry. If an entry was removed or replaced in between, the copy would be of no
moment, so each page is checked: the last entry is still there, no entry is newer than the first snapshot, and no change
since then removed or replaced anything on purpose. Entries that expire are left out, from one page or another.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions.db.dialect import text_of_key
from sessions.db.ids import id_of, owner_of, position_of
from sessions.errors import UnknownSessionError
from sessions.log.core.change_log import KEPT_VERSIONS
from sessions.log.core.damage import read_segments
from sessions.log.core.details import Details, StoredInfo
from sessions.log.core.elsewhere import check_absent
from sessions.log.core.heads import Stretch, find_head, lineage
from sessions.log.core.item_keys import RAW, ItemKey, plain_digest
from sessions.log.core.one_entry import read_entry
from sessions.log.core.ownership import check_owner
from sessions.log.core.reader import reader_of, unlock
from sessions.log.statements import entries as entry_statements
from sessions.log.statements import item_keys as item_key_statements
from sessions.log.statements import moving as statements
from sessions.log.statements import records as record_statements
from sessions.log.words import EntryRow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessions.db.transaction import Row, Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.one_entry import Wanted
    from sessions.log.core.reader import Reader
    from sessions.log.encryption.payloads import Payloads

PAGE: Final = 512
"""Entries of a page."""

PAGE_BYTES: Final = 4 * 1024 * 1024
"""The bytes from which a page has no further entry."""

_ALTERING: Final = frozenset({"cleared", "redacted", "removed"})
"""Changes that remove or replace stored entries on purpose: a copy that went on would keep them."""


class SourceChanged(Exception):  # noqa: N818 - not an error: the copy begins again
    """The source is another one than when the copy began."""


class Source(NamedTuple):
    """A branch up to an entry, at the moment of its first snapshot.

    Attributes:
        session: The session's internal id.
        version: Its version.
        stretches: The parts of segments that lead to the last entry, the oldest first.
        tip: The position of the last entry.
        turn: The number of turns up to there.
        end: The version that added the last entry; ``None`` if it has expired and is gone.
        annotated: 1 if the session has entries that no model is shown.
        created_at: When the session was made, in microseconds since 1970, UTC.
        updated_at: When it was last changed.
        active_at: When it was last active.
        info: Its owner, its info's version, and whether it is archived, without a payload.
        details: Its title, tags and metadata.
    """

    session: int
    version: int
    stretches: Sequence[Stretch]
    tip: int
    turn: int
    end: int | None
    annotated: int
    created_at: int
    updated_at: int
    active_at: int
    info: StoredInfo
    details: Details

    @property
    def last_entry(self) -> int:
        """The id of the last entry; 0 without any."""
        return id_of(self.stretches[-1].segment, self.tip) if self.stretches else 0


class Page(NamedTuple):
    """Some entries of a source, the oldest first.

    Attributes:
        entries: Rows of all columns with their tools' names and payloads in the clear.
        keys: The keys of some of them, by their positions. A digest that only the source can compute is left out.
        after: The position up to which the source has been read.
        version: The session's version, up to which its changes have been looked at.
    """

    entries: list[EntryRow]
    keys: dict[int, ItemKey]
    after: int
    version: int


def find_source(tx: Transaction, conversation: Conversation, branch: str | None, wanted: Wanted | None) -> Source:
    """Return a branch up to an entry; up to its end, unless an entry is named.

    Raises:
        UnknownSessionError: There is no such session.
        UnknownBranchError: It has no such branch.
        UnknownEntryError: It has no such entry.
        DecryptionError: It is encrypted with another key.
    """
    head = find_head(tx, conversation, branch)
    if head is None:
        raise unknown_session(conversation.session_id)
    if wanted is None:
        stretches = lineage(tx, head)[::-1]
        tip, turn = head.tip, head.turn
    else:
        entry, _ = read_entry(tx, conversation, branch, wanted)
        stretches = _leading_to(tx, head.session, entry.id.entry)
        tip, turn = entry.position, entry.turn
    version, created_at, updated_at, active_at, annotated, wrapped_keys, *columns = tx.the(
        statements.WHOLE_ROW, session_id=conversation.session_id
    )
    stored = StoredInfo(*columns)
    details = stored.details(unlock(conversation, wrapped_keys))
    times = created_at, updated_at, active_at
    found = Source(head.session, version, stretches, tip, turn, None, annotated, *times, stored, details)
    return found._replace(end=_version_of(tx, found.last_entry))


def unknown_session(session_id: str) -> UnknownSessionError:
    """Return the error for a session that is not there."""
    return UnknownSessionError(
        f"session {session_id!r} does not exist: nothing was ever added to it, or it was deleted. Nothing was changed. "
        "Check the id, or list the sessions with store.sessions()."
    )


def read_page(tx: Transaction, conversation: Conversation, source: Source, after: int, version: int) -> Page:
    """Return the entries behind a position, up to `PAGE` of them.

    Args:
        tx: A transaction.
        conversation: The session.
        source: Its branch.
        after: The position up to which it has been read.
        version: The version up to which its changes have been looked at.

    Raises:
        SourceChanged: An entry of the source was removed or replaced.
        DecryptionError: A payload was altered.
    """
    row = tx.one(statements.PLACE, session_id=conversation.session_id)
    now_at = check_unchanged(tx, conversation, source, version, row)
    reader = reader_of(conversation, None if row is None else row[3])
    stretch = next(stretch for stretch in source.stretches if after < stretch.high)
    ids = stretch.ids(max(after, stretch.low))
    found = tx.all(statements.SIZES, count=PAGE, **ids, **reader.visible)
    taken = _first_ones(found)
    high = ids["high"] if len(taken) == len(found) < PAGE else taken[-1]
    wanted = {"low": ids["low"], "high": high, "count": len(taken)}
    rows = tx.all(entry_statements.ENTRIES_FORWARD_SOME, **wanted, **reader.visible) if taken else []
    if any(row[1] > source.version for row in rows):
        raise SourceChanged
    entries = [_opened(row, reader) for row in rows]
    keys = _keys_of(tx, conversation, source.session, entries, reader.session_key) if entries else {}
    return Page(entries, keys, position_of(high), now_at)


def check_unchanged(tx: Transaction, conversation: Conversation, source: Source, version: int, row: Row | None) -> int:
    """Return a session's version, if nothing of the source was removed or replaced since another version.

    Args:
        tx: A transaction.
        conversation: The session.
        source: Its branch.
        version: The version up to which its changes have been looked at.
        row: The result of `PLACE` or `LOCKED_PLACE`.

    Raises:
        SourceChanged: Something was, or the record of changes does not reach back so far.
        OwnerError: The session became another owner's.
    """
    if row is None or row[0] != source.session:
        check_absent(tx, conversation)
        raise SourceChanged
    session, now_at, owner, _ = row
    check_owner(conversation, owner)
    if now_at - version > KEPT_VERSIONS or _version_of(tx, source.last_entry) != source.end:
        raise SourceChanged
    if now_at > version:
        changes = tx.all(record_statements.CHANGES_BETWEEN, session=session, after=version, until=now_at)
        if not _ALTERING.isdisjoint(what for _, what, _ in changes):
            raise SourceChanged
    return int(now_at)


def _leading_to(tx: Transaction, session: int, entry: int) -> list[Stretch]:
    """Return the parts of segments that lead to an entry of a session, the oldest first."""
    origins = read_segments(tx, session)
    found: list[Stretch] = []
    at: int | None = owner_of(entry)
    high = position_of(entry)
    while at is not None:
        parent, low, turn, _ = origins[at]
        if low < high:
            found.append(Stretch(at, low, high, turn))
        at, high = parent, min(low, high)
    return found[::-1]


def _version_of(tx: Transaction, entry: int) -> int | None:
    row = tx.one(statements.VERSION_OF, id=entry) if entry else None
    return None if row is None else int(row[0])


def _first_ones(sizes: list[Row]) -> list[int]:
    """Return the ids of the first entries, until their payloads are many bytes; at least one."""
    taken: list[int] = []
    total = 0
    for entry, size in sizes:
        total += int(size)
        if taken and total > PAGE_BYTES:
            break
        taken.append(entry)
    return taken


def _opened(row: Row, reader: Reader) -> EntryRow:
    tool_name, payload = reader.open_with_name(row)
    return EntryRow._make(row)._replace(tool_name=tool_name, payload=bytes(payload))


def _keys_of(
    tx: Transaction, conversation: Conversation, session: int, entries: list[EntryRow], session_key: Payloads | None
) -> dict[int, ItemKey]:
    low, high = entries[0].id - 1, entries[-1].id
    by_id = {entry.id: entry for entry in entries}
    digest: Callable[[list[Any]], bytes] = conversation.codec.digest  # type: ignore[attr-defined] # sessions' codecs do
    keys: dict[int, ItemKey] = {}
    for entry, stored, stored_digest, until in tx.all(
        item_key_statements.KEYS_OF_ENTRIES, session=session, low=low, high=high
    ):
        if entry not in by_id:
            continue
        key = ItemKey(text_of_key(stored), bytes(stored_digest), until)
        if len(key.digest) != RAW:
            # It was made with a key that the copy does not have. If the item was redacted, it cannot be made again.
            made = None
            with suppress(ValueError):
                item = conversation.codec.decode(by_id[entry].payload)
                made = plain_digest(key.key, digest([item]), key.digest, session_key)
            key = key._replace(digest=made or b"")
        keys[position_of(entry)] = key
    return keys

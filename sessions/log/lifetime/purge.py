"""Purging: the physical removal of entries that have expired, in batches.

Entries are found in one transaction and removed in others, one for each session, which lock it as every change does and
check again: a position that has been popped may hold another entry by then. Removing leaves holes; tips, turns and
lineages do not change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sessions.clock import now
from sessions.db.ids import owner_of
from sessions.log.conversation import visible_at
from sessions.log.core.change_log import record_change_of
from sessions.log.core.entry_rows import delete_expired, forget_expired
from sessions.log.core.ownership import check_owner
from sessions.log.core.reader import unlock
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import entries as entry_statements
from sessions.log.statements import sessions as session_statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation


class Expired(NamedTuple):
    """Which entries have expired.

    Attributes:
        now: Those whose own expiry has come by this time, in microseconds since 1970, UTC.
        age: And those without one that are this old, in microseconds; ``None``: none of them.
    """

    now: int
    age: int | None = None

    @property
    def values(self) -> dict[str, int]:
        """The parameters of statements about them."""
        return visible_at(self.now, self.age)


class Found(NamedTuple):
    """Entries to be removed.

    Attributes:
        entries: Their ids, by the internal ids of their sessions.
        last: The last id that was found.
        number: How many they are.
    """

    entries: dict[int, list[int]]
    last: int
    number: int


def find_expired(tx: Transaction, expired: Expired, count: int) -> Found:
    """Return up to `count` entries of all sessions that are beyond their own expiry, the longest first."""
    return _found(tx.all(entry_statements.EXPIRED, now=expired.now, count=count))


def find_aged(tx: Transaction, expired: Expired, count: int, after: int) -> Found:
    """Return up to `count` entries of all sessions without an expiry that are too old, from behind an id.

    This has no index: it reads all entries.
    """
    return _found(tx.all(entry_statements.AGED, oldest=expired.values["oldest"], after=after, count=count))


def find_in_session(tx: Transaction, conversation: Conversation, expired: Expired, count: int) -> Found:
    """Return up to `count` entries of a session that have expired for either reason.

    Raises:
        MissingKeyError: The session is encrypted, and was opened without a key.
        DecryptionError: It is encrypted with another key.
    """
    session_id = conversation.session_id
    row = tx.one(session_statements.SESSION_TIMES, session_id=session_id)
    if row is None:
        return _found([])
    *_, owner, wrapped_keys = row
    check_owner(conversation, owner)
    unlock(conversation, wrapped_keys)
    return _found(tx.all(entry_statements.EXPIRED_IN_SESSION, session_id=session_id, count=count, **expired.values))


def _found(rows: list[tuple[int, int]]) -> Found:
    entries: dict[int, list[int]] = {}
    for session, entry in rows:
        entries.setdefault(session, []).append(entry)
    return Found(entries, rows[-1][1] if rows else 0, len(rows))


def remove_expired(tx: Transaction, session: int, entries: list[int], expired: Expired) -> int:
    """Remove those of a session's entries that have expired, and return how many that were.

    It needs no key: times are in the clear. `find_in_session` has asked for it where one session is purged.
    """
    if tx.one(session_statements.LOCK_SESSION_ROW, session=session) is None:
        return 0
    removed = 0
    segments = set()
    for first, last in _runs(sorted(entries)):
        gone = delete_expired(tx, first - 1, last, expired.values)
        if gone:
            removed += len(gone)
            segments.add(owner_of(first))
    for segment in sorted(segments):
        tx.run(branch_statements.NOTE_HOLE, segment=segment)
    row = tx.one(session_statements.BUMP_VERSION_OF, session=session) if removed else None
    if row is not None:
        record_change_of(tx, session, row[0], "purged", expired.now)
    return removed


def purge_some(tx: Transaction, count: int) -> bool:
    """Remove up to `count` entries beyond their own expiry, of any sessions, and tell whether there may be more.

    It is done beside other changes (`upkeep.py`), so it locks no session and raises no version: no reader sees the
    removed entries, and no `expected_version` fails because of it. The segments of such entries have holes.
    """
    return forget_expired(tx, now(), count) == count


def _runs(entries: list[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last id of each run of consecutive ones."""
    first = last = entries[0]
    for entry in entries[1:]:
        if entry != last + 1:
            yield first, last
            first = entry
        last = entry
    yield first, last

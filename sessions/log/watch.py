"""The changes of a session after a version, in order, each once, for watchers.

Appends are found by their entries' versions, which rise with positions, from the ends of the branches back; all other
changes are in the record of changes. A version found in neither source changed nothing, or added only entries that were
later removed; their removal has its own version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.clock import as_time
from sessions.db.dialect import text_of_key
from sessions.db.ids import POSITION_BITS, position_of
from sessions.db.lists import parts
from sessions.db.topics import AT_ONCE, Topic
from sessions.log.context.annotations import is_mark
from sessions.log.core.change_log import KEPT_VERSIONS
from sessions.log.core.elsewhere import check_absent
from sessions.log.core.heads import damaged
from sessions.log.core.ownership import check_owner
from sessions.log.core.reader import reader_of, unlock
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import entries as entry_statements
from sessions.log.statements import records as record_statements
from sessions.log.statements import sessions as session_statements
from sessions.log.words import LEFT_TIP
from sessions.types import Change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.db.transaction import Row, Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.reader import Reader

APPENDED: Final = "appended"
RESET: Final = "reset"
_PUT_BACK: Final = {"popped", "repaired"}
"""Changes that put marks back behind what they leave: these are not new."""

_AT_ONCE: Final = 100
"""Versions read in one transaction: a reader that is far behind keeps no snapshot for long, nor all in memory."""


class Place(NamedTuple):
    """A watcher's position in a session's changes.

    Attributes:
        version: The version; 0 before the session was made.
        session: Its internal id, as an id may be reused by a new session whose versions start over; ``None`` if
            unknown.
    """

    version: int
    session: int | None = None


class Found(NamedTuple):
    """The changes found after a place.

    Attributes:
        changes: The changes, in order.
        undecodable: The positions of entries that could not be decoded.
        place: Where to go on.
        is_all: Whether these were all.
    """

    changes: list[Change]
    undecodable: list[int]
    place: Place
    is_all: bool


class _Grown(NamedTuple):
    """A segment with entries that are new.

    Attributes:
        segment: The segment.
        high: The last position there that is seen.
        version: Its entry's version.
        branch: The name of the branch that grows, or grew, there.
    """

    segment: int
    high: int
    version: int
    branch: str | None


def topic_of(session_id: str) -> Topic:
    """Return the topic that a session's watchers watch."""
    return Topic(session_id, _look)


def _look(tx: Transaction, session_ids: Sequence[str]) -> dict[str, object]:
    """Return internal id and version of each session that is there."""
    (values,) = parts("s", AT_ONCE, session_ids)
    rows = tx.all(session_statements.VERSIONS, **values)
    return {text_of_key(name): (id_, version) for name, id_, version in rows}


def find_place(tx: Transaction, conversation: Conversation) -> Place:
    """Return where a session is now.

    Raises:
        DecryptionError: The session is encrypted with another key.
        MissingKeyError: It is encrypted, and was opened without a key.
    """
    row = tx.one(session_statements.WHERE_IT_IS, session_id=conversation.session_id)
    if row is None:
        check_absent(tx, conversation)
        return Place(0)
    session, version, owner, wrapped_keys, _ = row
    check_owner(conversation, owner)
    unlock(conversation, wrapped_keys)
    return Place(version, session)


def changes_since(tx: Transaction, conversation: Conversation, place: Place) -> Found:
    """Return the changes after a place, the oldest first, up to a bounded number.

    Raises:
        DecryptionError: The session is encrypted with another key, or a payload was altered.
        MissingKeyError: It is encrypted, and was opened without a key.
    """
    row = tx.one(session_statements.WHERE_IT_IS, session_id=conversation.session_id)
    if row is None:
        check_absent(tx, conversation)
        return _reset(conversation, Place(0)) if place.version else Found([], [], Place(0), is_all=True)
    session, version, owner, wrapped_keys, recorded = row
    check_owner(conversation, owner)
    # Before anything is told: with a wrong key, the iterator would wait for changes that it cannot show.
    reader = reader_of(conversation, wrapped_keys)
    after = place.version
    if (
        place.session not in {None, session}
        or after > version
        or (recorded is not None and after < recorded - KEPT_VERSIONS)
    ):
        return _reset(conversation, Place(version, session))
    until = min(version, after + _AT_ONCE)
    found = Found([], [], Place(until, session), is_all=until == version)
    if until > after:
        recorded = tx.all(record_statements.CHANGES_BETWEEN, session=session, after=after, until=until)
        changes = {at: Change(at, what, None, [], [], as_time(time)) for at, what, time in recorded}
        for grown in _find_grown(tx, session, after):
            for entry in _entries_between(tx, grown, after, until):
                _add(changes, entry, grown.branch, reader, found.undecodable)
        found.changes.extend(change for _, change in sorted(changes.items()))
    return found


def _reset(conversation: Conversation, place: Place) -> Found:
    change = Change(place.version, RESET, None, [], [], as_time(conversation.now))
    return Found([change], [], place, is_all=True)


def _find_grown(tx: Transaction, session: int, after: int) -> list[_Grown]:
    """Return the segments with entries that are newer than a version.

    A branch that sees such an entry has changed since, too; and along a lineage, all entries before an older one are
    older.
    """
    grown: dict[int, _Grown] = {}
    highest: dict[int, int] = {}
    names: dict[int, str] = {}
    for start, *origin, tip, name, owner, _, intact in tx.all(
        branch_statements.MOVED_TIPS, session=session, after=after
    ):
        if not intact:
            raise damaged(f"{'a tip' if name.startswith(LEFT_TIP) else f'branch {name!r}'} ends at a missing entry")
        # The first of them may grow there; others share a part of it.
        names.setdefault(start, owner if name.startswith(LEFT_TIP) else name)
        at: int | None = start
        high = tip
        parent, fork = origin
        while at and highest.get(at, -1) < high:
            highest[at] = high
            base = at << POSITION_BITS
            last = tx.one(entry_statements.LAST_VERSION, low=base, high=base + high)
            if last is not None:
                if last[1] <= after:
                    break
                grown[at] = _Grown(at, position_of(last[0]), last[1], None)
            at, high = parent, min(high, fork)
            parent, fork = (at and tx.one(branch_statements.ORIGIN, segment=at)) or (None, 0)
    return [one._replace(branch=names.get(one.segment)) for one in grown.values()]


def _entries_between(tx: Transaction, grown: _Grown, after: int, until: int) -> list[Row]:
    """Return a segment's entries between two versions, without the first and with the second."""

    def start_of(version: int) -> int:
        row = tx.the(entry_statements.VERSION_START, segment=grown.segment, low=0, high=grown.high, version=version)
        return int(row[0])

    beyond = (grown.segment << POSITION_BITS) + grown.high + 1
    if grown.version > until:
        beyond = start_of(until + 1)
    return tx.all(entry_statements.ENTRIES_THERE, first=start_of(after + 1), beyond=beyond)


def _add(changes: dict[int, Change], entry: Row, branch: str | None, reader: Reader, undecodable: list[int]) -> None:
    """Add an entry to the change that added it."""
    id_, version, _, kind, _, _, created_at, expires_at, *_ = entry
    change = changes.get(version)
    if change is not None and change.kind in _PUT_BACK and is_mark(kind):
        return
    if change is None or change.branch is None:
        known = change or Change(version, APPENDED, branch, [], [], as_time(created_at))
        change = changes[version] = Change(version, known.kind, branch, known.items, known.positions, known.created_at)
    if reader.is_live(created_at, expires_at):
        try:
            item = reader.open(entry)
        except ValueError:
            undecodable.append(position_of(id_))
            return
        change.items.append(item)
        change.positions.append(position_of(id_))

"""Item keys: an item's own id, by which it is added once to each way of a conversation.

A key is known while its entry is there, and for `KEY_LIFE` after the append in any case. A known key is skipped if its
entry's place is on the way that is appended to, also when the entry has expired. It is also skipped on a branch from
which it was popped, and everywhere in a session that was cleared since, or if its entry was redacted or removed. On any
other way it is added again.

An attempt has seen what its branch has; and what is popped in it, the branch once it goes on where the attempt ends.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from sessions.db.dialect import text_of_key
from sessions.db.ids import MAX_POSITION, owner_of, position_of
from sessions.db.lists import parts
from sessions.errors import ItemKeyConflictError
from sessions.log.core.heads import AttemptName, find_head, lineage, name_of, number_of
from sessions.log.core.idempotency import KEY_LIFE
from sessions.log.statements import corrections as correction_statements
from sessions.log.statements import exports as export_statements
from sessions.log.statements import item_keys as statements
from sessions.log.statements import tips as tip_statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sessions.db.transaction import Row, Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.entry_ids import EntryId
    from sessions.log.core.extend import NewEntry
    from sessions.log.core.heads import Head, Stretch
    from sessions.log.core.locking import LockedSession
    from sessions.log.encryption.payloads import Payloads

NOWHERE: Final = MAX_POSITION
"""In place of an entry that is gone: a place of segment 0, which no session has. Any other may be another session's."""

_KEYED: Final = b"\x01"
"""What digests begin with that were made with the session's key for digests."""

RAW: Final = 32
"""The length of all others."""


class ItemKey(NamedTuple):
    """An item's key.

    Attributes:
        key: The key.
        digest: Tells the item from others with the same key: as `item_key` made it, or as it is stored.
        until: Until when the key is known without its entry, by the database's time; 0 until it has been looked up.
    """

    key: str
    digest: bytes
    until: int = 0


def item_key(key: str, digest: bytes) -> ItemKey:
    """Return a key with the digest of its item, to which the key is added: equal items do not have equal digests."""
    import hashlib  # noqa: PLC0415 - few sessions need it, and it is slow to import

    return ItemKey(key, hashlib.sha256(key.encode() + b"\0" + digest).digest())


def new_entries(
    tx: Transaction,
    conversation: Conversation,
    session: int,
    branch: str | None,
    entries: Sequence[NewEntry],
    *,
    session_key: Payloads | None,
) -> list[NewEntry]:
    """Return those entries that are to be added to a branch of a locked session: all but those it has seen.

    Their keys are known for `KEY_LIFE` from now on.

    Raises:
        ItemKeyConflictError: A key is known with another item.
        UnknownBranchError: There is no such branch.
    """
    known, clock = _known(tx, conversation, session, [entry.key.key for entry in entries if entry.key])
    entries = [
        msgspec.structs.replace(entry, key=entry.key._replace(until=clock + KEY_LIFE)) if entry.key else entry
        for entry in entries
    ]
    if not known:
        return entries
    for number, entry in enumerate(entries):
        rows = known.get(entry.key.key, []) if entry.key else []
        # Of a session that was imported, some may be unknown: the key alone decides then.
        if entry.key and any(row.digest and bytes(row.digest) not in _digests(entry.key, session_key) for row in rows):
            raise ItemKeyConflictError(
                f"session {conversation.session_id!r}: the key of items[{number}] belongs to another item. Nothing was "
                "added. If this is a repeated delivery, leave out what differs between deliveries, such as the time; "
                "entry(key=…) returns the stored item. For a new item, use a new key.",
                entry.key.key,
            )
    head = find_head(tx, conversation, branch)
    seen = _Way(tx, head).has_seen if head else _never
    return [entry for entry in entries if not (entry.key and any(map(seen, known.get(entry.key.key, []))))]


class _Known(NamedTuple):
    entry: int
    branch: int
    digest: bytes
    is_cleared: int


def _never(known: _Known) -> bool:
    return bool(known.is_cleared)


class _Way:
    """The part of each segment that a branch shows."""

    def __init__(self, tx: Transaction, head: Head) -> None:
        self._tx = tx
        self._head = head
        self._stretches: dict[int, Stretch] = {stretch.segment: stretch for stretch in lineage(tx, head)}

    def has_seen(self, known: _Known) -> bool:
        """Tell whether a key is to be skipped here."""
        if known.is_cleared:
            return True
        if known.entry < 0:
            return known.branch == statements.EVERYWHERE or known.branch in self._branches
        return self.shows(known.entry)

    @cached_property
    def _branches(self) -> set[int]:
        """The number of the branch; for an attempt, also that of the branch that it is of."""
        session, name = self._head.session, self._head.branch
        numbers = {number_of(name)}
        if isinstance(name, AttemptName):
            owners = self._tx.all(tip_statements.OWNER_OF_ATTEMPT, session=session, name=name)
            numbers.update(number_of(name_of(owner, session, made_in)) for owner, made_in in owners)
        return numbers

    def shows(self, entry: int) -> bool:
        """Tell whether an entry's place is on this way."""
        stretch = self._stretches.get(owner_of(entry))
        return stretch is not None and stretch.low < position_of(entry) <= stretch.high


def _known(
    tx: Transaction, conversation: Conversation, session: int, keys: Sequence[str]
) -> tuple[dict[str, list[_Known]], int]:
    """Return the known facts about some keys, and the database's time."""
    known: dict[str, list[_Known]] = {}
    clock = 0
    for values in parts("k", statements.AT_ONCE, keys):
        for time, key, *row in tx.all(statements.KNOWN_KEYS, session=session, **values, **conversation.visible):
            clock = int(time)
            if key is not None:
                known.setdefault(text_of_key(key), []).append(_Known._make(row))
    return known, clock


def _digests(key: ItemKey, session_key: Payloads | None) -> set[bytes]:
    """Return the digests that may be stored of the same item: it may be older than the session's encryption."""
    return {key.digest, _stored(key, session_key)}


def _stored(key: ItemKey, session_key: Payloads | None) -> bytes:
    """Return a digest as it is stored in a session."""
    if session_key is None or len(key.digest) != RAW:
        return key.digest
    made = session_key.digest(key.digest)
    return key.digest if made == key.digest else _KEYED + made


def plain_digest(key: str, digest: bytes, stored: bytes, session_key: Payloads | None) -> bytes | None:
    """Return the digest of a key's item without encryption; ``None`` if another item's is stored.

    Args:
        key: The key.
        digest: The digest of the item.
        stored: The digest in the session.
        session_key: The session's key.
    """
    made = item_key(key, digest)
    return made.digest if stored in _digests(made, session_key) else None


def stored_digest(digest: bytes | None, session_key: Payloads | None) -> bytes:
    """Return a digest as it is stored in a session; nothing if it is unknown."""
    return b"" if digest is None else _stored(ItemKey("", digest), session_key)


def store_keys(
    tx: Transaction, locked: LockedSession, entries: Sequence[NewEntry], first_id: int, version: int
) -> None:
    """Store the keys of new entries, whose ids are consecutive."""
    keys = [(entry.key, id_, version) for id_, entry in enumerate(entries, first_id) if entry.key]
    if keys:
        put_keys(tx, locked.session, keys, locked.key)
        if not locked.keyed:
            tx.run(statements.FLAG_KEYED, session=locked.session)


def put_keys(
    tx: Transaction, session: int, keys: Iterable[tuple[ItemKey, int, int]], session_key: Payloads | None
) -> None:
    """Store keys in a session by its internal id, each with its entry's id and version."""
    tx.many(
        statements.ADD_KEY,
        [
            (key.key, session, entry, version, _stored(key, session_key), key.until, key.until)
            for key, entry, version in keys
        ],
    )


def keys_of(tx: Transaction, head: Head, entries: Iterable[int]) -> dict[int, ItemKey]:
    """Return the stored keys of some entries of a session, by the entries' ids."""
    if not head.keyed:
        return {}
    by_segment: dict[int, list[int]] = {}
    for entry in entries:
        by_segment.setdefault(owner_of(entry), []).append(entry)
    return {
        entry: ItemKey(text_of_key(key), bytes(digest), until)
        for ids in by_segment.values()
        for entry, key, digest, until in tx.all(
            statements.KEYS_OF_ENTRIES, session=head.session, low=min(ids) - 1, high=max(ids)
        )
    }


def find_place(tx: Transaction, head: Head, key: str, visible: dict[str, int]) -> tuple[int, int] | None:
    """Return the id and the version of the visible entry with a key: that on the branch, else the newest one."""
    found = places_of(tx, head, key, visible)
    way = _Way(tx, head) if len(found) > 1 else None
    places: Iterator[Row] = (row for row in found if way is None or way.shows(row[0]))
    chosen = next(places, found[0] if found else None)
    return None if chosen is None else (chosen[0], chosen[1])


def places_of(tx: Transaction, head: Head, key: str, visible: dict[str, int]) -> list[Row]:
    """Return the ids and the versions of the visible entries of a session that have a key, the newest first."""
    return tx.all(statements.PLACES_OF_KEY, session=head.session, item_key=key, **visible)


def find_sessions(tx: Transaction, key: str, owner: str | None, limit: int, visible: dict[str, int]) -> list[str]:
    """Return the ids of sessions with an entry that has a key, the latest made first."""
    rows = tx.all(statements.FIND_KEY, item_key=key, any_owner=int(owner is None), owner=owner, count=limit, **visible)
    return [text_of_key(session_id) for (session_id,) in rows]


def note_popped(tx: Transaction, head: Head, position: int, stretches: Sequence[Stretch], *, removed: bool) -> None:
    """Note for a branch that it has seen the keys of its entries from a position on, which a pop takes off it.

    Args:
        tx: A transaction.
        head: The branch, as it was.
        position: The position of the first of them.
        stretches: The part of each segment that the branch saw.
        removed: Whether the entries are removed, so that later ones take their places.
    """
    if not head.keyed:
        return
    for stretch in stretches:
        if stretch.high < position:
            break
        places = {"session": head.session, **stretch.ids(low=max(stretch.low, position - 1))}
        tx.run(statements.KEEP_KEYS, branch=number_of(head.branch), **places)
        if removed:
            tx.run(statements.FORGET_PLACES, **places)


def bar_keys(tx: Transaction, session: int, entry: EntryId) -> None:
    """Note that the keys of an entry, which is corrected, are not to be added on any way for `KEY_LIFE` from now on."""
    values = {"session": session, "version": entry.version, "life": KEY_LIFE}
    tx.run(correction_statements.PROLONG_BARS, barred=-entry.entry, **values)
    tx.run(correction_statements.BAR_KEYS, entry=entry.entry, **values)


def barred_keys(tx: Transaction, session: int) -> list[ItemKey]:
    """Return the keys of a session that `bar_keys` noted, each once; a digest made with its key stays as it is."""
    rows = tx.all(statements.BARRED_KEYS, session=session)
    found = {text_of_key(key): ItemKey(text_of_key(key), bytes(digest), until) for key, digest, until in rows}
    return list(found.values())


def put_barred(
    tx: Transaction, session: int, version: int, keys: Iterable[ItemKey], session_key: Payloads | None
) -> None:
    """Note in another session that it does not add keys either. Of its entries, none had them."""
    tx.many(
        export_statements.ADD_KEY,
        [
            (
                key.key, session, -NOWHERE, statements.EVERYWHERE, version,
                _stored(key, session_key) if len(key.digest) == RAW else b"", key.until, key.until,
            )
            for key in keys
        ],
    )  # fmt: skip


def share_popped(tx: Transaction, head: Head, attempt: int) -> None:
    """Note for a branch, which goes on where an attempt ends, that it has seen the keys of items popped there.

    Args:
        tx: A transaction.
        head: The branch.
        attempt: The attempt's number, as `BranchName` has it.
    """
    if head.keyed:
        tx.run(statements.SHARE_POPPED, session=head.session, attempt=attempt, branch=number_of(head.branch))


def forget_ended_item_keys(tx: Transaction, count: int) -> bool:
    """Remove keys whose time has ended and whose entries are gone; look at up to `count`, and tell whether to go on."""
    rows = tx.all(statements.DUE_KEYS, count=count)
    gone = [row[:5] for row in rows if not row[5]]
    there = [(KEY_LIFE, *row[:5]) for row in rows if row[5]]
    if gone:
        tx.many(statements.FORGET_KEY, gone)
    if there:
        tx.many(statements.LOOK_LATER, there)
    return len(rows) == count


def protect_digests(tx: Transaction, session: int, session_key: Payloads, count: int) -> bool:
    """Replace up to `count` digests that were stored before the session was encrypted; tell whether to go on."""
    rows = tx.all(statements.RAW_DIGESTS, session=session, length=RAW, count=count)
    if rows:
        tx.many(
            statements.SET_DIGEST,
            [(_stored(ItemKey(text_of_key(row[0]), bytes(row[5])), session_key), *row[:5]) for row in rows],
        )
    return len(rows) == count

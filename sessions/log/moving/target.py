"""The target of a copy: an unfinished session with one branch, which is written page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from sessions.clock import NEVER
from sessions.db.command import Command
from sessions.db.ids import check_number, id_of, ids_of, position_of
from sessions.errors import DecryptionError
from sessions.log.context.annotations import is_mark
from sessions.log.core.entry_rows import delete_entries
from sessions.log.core.heads import MAIN
from sessions.log.core.item_keys import put_barred, put_keys
from sessions.log.lifetime.unfinished import LIFE, LIFE_OF_COPIES, Row, begin, find, finish, give_up, is_finished, renew
from sessions.log.moving.source import check_unchanged
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import entries as entry_statements
from sessions.log.statements import info as info_statements
from sessions.log.statements import item_keys as item_key_statements
from sessions.log.statements import moving as statements
from sessions.log.statements import unfinished as statements_of_unfinished

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.details import Details, StoredInfo
    from sessions.log.core.item_keys import ItemKey
    from sessions.log.encryption.payloads import Payloads
    from sessions.log.moving.source import Source
    from sessions.log.words import EntryRow


class Target(NamedTuple):
    """An unfinished session.

    Attributes:
        session: Its internal id.
        segment: Its only segment.
        last: The position of its last entry; 0 without any.
        version: The highest version of an entry; 1 without any.
        items: The number of its items.
        keyed: 1 if it has item keys.
    """

    session: int
    segment: int
    last: int = 0
    version: int = 1
    items: int = 0
    keyed: int = 0


class Begin(Command[Target], msgspec.Struct, frozen=True, eq=False):
    """Begin to write a session with one branch; or go on with one that was begun for the same `origin`.

    Attributes:
        conversation: The session.
        now: The time, in microseconds since 1970, UTC.
        owner: Its owner, as `labels.py` writes it.
        source: The id and the internal id of the session whose entries it gets: if the target's tables have that one,
            nothing that has to leave it for good stays here. Another database's session is out of reach.
        origin: Identifies the source, so that a killed copy can go on.
    """

    conversation: Conversation
    now: int
    owner: str | None = None
    source: tuple[str, int] | None = None
    origin: bytes | None = None

    @property
    def repeatable(self) -> bool:
        """If its answer is lost, nobody writes to the first one, which ends by itself."""
        return True

    def __call__(self, tx: Transaction) -> Target:
        """Begin in `tx`.

        Raises:
            SessionExistsError: The session is there.
            StoreFullError: The internal ids are used up.
        """
        conversation, origin = self.conversation, self.origin
        copied_from = self._lock_source(tx)
        if origin is not None and (there := find(tx, conversation, origin)) is not None:
            try:
                renew(tx, conversation, there)
            except DecryptionError:
                give_up(tx, there)  # The keys were rotated since.
            else:
                return _written(tx, there)
        life = LIFE if origin is None else LIFE_OF_COPIES
        session = begin(tx, conversation, self.now, forked_from=copied_from, owner=self.owner, origin=origin, life=life)
        (segment,) = tx.the(branch_statements.CREATE_SEGMENT, session=session, parent=None, fork_position=0, turn=0)
        check_number(segment, f"session {conversation.session_id!r}", "segments (one for each session and branch)")
        return Target(session, segment)

    def _lock_source(self, tx: Transaction) -> int | None:
        """Lock the source, if it is here, and return its internal id: a correction of it waits, and finds the copy."""
        if self.source is None:
            return None
        session_id, session = self.source
        row = tx.one(statements.LOCKED_PLACE, session_id=session_id)
        return session if row is not None and row[0] == session else None


def _written(tx: Transaction, session: int) -> Target:
    """Return an unfinished session as it was left."""
    (segment,) = tx.the(branch_statements.SEGMENTS, session=session)
    low, high = ids_of(segment)
    last, version, items, keyed = tx.the(statements_of_unfinished.WRITTEN, session=session, low=low, high=high)
    return Target(session, segment, position_of(last or 0), version or 1, int(items), keyed)


class WritePage(Command[None], msgspec.Struct, frozen=True, eq=False):
    """Write some entries of an unfinished session, at their positions.

    Attributes:
        conversation: The session.
        target: Where it is.
        entries: Rows of all columns in the clear, the oldest first; of their ids, only the positions count.
        keys: The keys of some of them, by their positions.
        after: The position of the entry before them: positions between are of entries that expired.
    """

    conversation: Conversation
    target: Target
    entries: Sequence[EntryRow]
    keys: dict[int, ItemKey]
    after: int

    @property
    def payloads(self) -> Iterable[bytes]:
        """The items' bytes."""
        return (entry.payload for entry in self.entries)

    @property
    def size(self) -> int:
        """The bytes of all items."""
        return sum(len(entry.payload) for entry in self.entries)

    @property
    def repeatable(self) -> bool:
        """It writes the same rows again."""
        return True

    @property
    def expires(self) -> bool:
        """Whether one of its entries does."""
        return any(entry.expires_at is not None and entry.expires_at < NEVER for entry in self.entries)

    def __call__(self, tx: Transaction) -> None:
        """Write them in `tx`.

        Raises:
            ConflictError: The session was given up.
        """
        session, segment = self.target.session, self.target.segment
        key = renew(tx, self.conversation, session)
        rows = [entry._replace(id=id_of(segment, entry.position)) for entry in self.entries]
        low, high = id_of(segment, self.after), rows[-1].id
        delete_entries(tx, low, high)
        tx.run(item_key_statements.FORGET_PLACES, session=session, low=low, high=high)
        if self.expires or high - low > len(rows) or any(is_mark(entry.kind) for entry in rows):
            tx.run(branch_statements.NOTE_HOLE, segment=segment)
        tx.many(entry_statements.ADD_ENTRY, rows if key is None else map(key.encrypt, rows))
        keys = [(self.keys[row.position], row.id, row.version) for row in rows if row.position in self.keys]
        if keys:
            put_keys(tx, session, keys, key)


class Finish(Command[None], msgspec.Struct, frozen=True, eq=False):
    """Make an unfinished session's branch, its info and its row: from then on, it is there.

    Attributes:
        conversation: The session.
        target: Where it is.
        row: Its row.
        tip: The position of its last entry.
        last: The last position that has an entry: those behind it have expired.
        turn: The number of turns.
        info: Its owner, its info's version, and whether it is archived.
        details: Its title, tags and metadata.
        barred: The keys that the source adds on no way, as their entries were redacted or removed.
        source: For a fork, the conversation that it is of, the part, and the version up to which that was checked. It
            is locked and checked for the last time: every later removal finds the fork.
    """

    conversation: Conversation
    target: Target
    row: Row
    tip: int
    last: int
    turn: int
    info: StoredInfo
    details: Details
    barred: Sequence[ItemKey] = ()
    source: tuple[Conversation, Source, int] | None = None

    @property
    def repeatable(self) -> bool:
        """`finish` tells whether it was done before."""
        return True

    def __call__(self, tx: Transaction) -> None:
        """Finish it in `tx`.

        Raises:
            SessionExistsError: Another caller has made a session of this name.
            ConflictError: The session was given up.
            SourceChanged: An entry of the source was removed or replaced.
        """
        session, segment = self.target.session, self.target.segment
        if is_finished(tx, self.conversation, session):
            return
        if self.source is not None:
            conversation, source, version = self.source
            locked = tx.one(statements.LOCKED_PLACE, session_id=conversation.session_id)
            check_unchanged(tx, conversation, source, version, locked)
        # Locked before its rows, as upkeep locks it.
        key = renew(tx, self.conversation, session)
        if self.last < self.tip:
            tx.run(branch_statements.NOTE_HOLE, segment=segment)
        tagged = self._put_info(tx, key)
        put_barred(tx, session, self.row.version, self.barred, key)
        finish(tx, self.conversation, session, msgspec.structs.replace(self.row, tagged=int(tagged)))
        origin = {"session": session, "segment": segment, "parent": None, "fork_position": 0}
        place = {"branch": MAIN, "tip": self.tip, "turn": self.turn}
        tx.run(branch_statements.PUT_BRANCH, version=self.row.version, now=self.row.updated_at, **origin, **place)

    def _put_info(self, tx: Transaction, key: Payloads | None) -> bool:
        """Put the session's info, if it has any; tell whether it has tags in the clear."""
        if not self.info.version:
            return False
        info = self.info.with_details(self.details, key)
        place = {"session": self.target.session}
        tx.run(info_statements.PUT_INFO, version=info.version, payload=info.payload, **place)
        tx.run(info_statements.FORGET_TAGS, **place)
        # In an encrypted session, tags are nowhere in the clear.
        tags = self.details.tags if key is None else ()
        tx.many(info_statements.ADD_TAG, [(self.target.session, tag, self.row.active_at) for tag in tags])
        return bool(tags)

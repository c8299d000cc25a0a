"""A session's info: reading it, and setting parts of it under the session's lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from sessions.db.command import Command
from sessions.errors import ConflictError, TurnNotFoundError
from sessions.log.core.change_log import record_change
from sessions.log.core.changing import begin_session
from sessions.log.core.details import StoredInfo
from sessions.log.core.elsewhere import check_absent
from sessions.log.core.entry_ids import find_entry_ids
from sessions.log.core.heads import entry_at, find_head, lineage
from sessions.log.core.locking import bump_version, ensure_encrypted
from sessions.log.core.ownership import check_owner
from sessions.log.core.reader import reader_of, unlock
from sessions.log.core.turns import read_turn
from sessions.log.statements import corrections as correction_statements
from sessions.log.statements import entries as entry_statements
from sessions.log.statements import info as statements
from sessions.types.info import Info

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.entry_ids import EntryId
    from sessions.log.core.locking import LockedSession


def read_info(tx: Transaction, conversation: Conversation) -> Info:
    """Return a session's info; empty info if the session is missing.

    Raises:
        MissingKeyError: The session is encrypted, and was opened without a key.
        DecryptionError: It is encrypted with another key, or the info was altered.
    """
    row = tx.one(statements.INFO, session_id=conversation.session_id)
    if row is None:
        check_absent(tx, conversation)
        return Info(metadata={})
    wrapped_keys, *columns = row
    stored = StoredInfo(*columns)
    check_owner(conversation, stored.owner)
    return stored.as_info(stored.details(unlock(conversation, wrapped_keys)))


class TitleSource(NamedTuple):
    """Where a title comes from.

    Attributes:
        entry: The entry of whose item it was made.
        item: The item, as it was read.
        corrected_in: The version that had last redacted or removed something then.
    """

    entry: EntryId
    item: Any
    corrected_in: int


def title_source(tx: Transaction, conversation: Conversation, branch: str | None) -> TitleSource | None:
    """Return the first message of a branch of a session that has no title; else ``None``."""
    if read_info(tx, conversation).title is not None:
        return None
    try:
        first, *_ = read_turn(tx, conversation, 1, branch)
    except TurnNotFoundError:
        return None
    head: Any = find_head(tx, conversation, branch)
    entry = entry_at(lineage(tx, head), first.position)
    found = find_entry_ids(tx, [entry]).get(entry)
    if found is None or not first.items:
        return None
    (corrected_in,) = tx.the(correction_statements.CORRECTED_IN, session=head.session)
    return TitleSource(found, first.items[0], int(corrected_in))


class SetInfo(Command[Info], msgspec.Struct, frozen=True, eq=False):
    """Set parts of a session's info; create the session if it is missing.

    Attributes:
        conversation: The session.
        now: The time, in microseconds since 1970, UTC.
        columns: Of ``owner`` and ``archived``, those that are set.
        details: Of ``title``, ``tags`` and ``metadata``, those that are set.
        expected_version: The version that the info must have.
        only_untitled: Whether a session that has a title is left as it is: `ConflictError`.
        title_of: Where the title comes from, if it was made of an item.
    """

    conversation: Conversation
    now: int
    columns: Mapping[str, Any]
    details: Mapping[str, Any]
    expected_version: int | None = None
    only_untitled: bool = False
    title_of: TitleSource | None = None

    def __call__(self, tx: Transaction) -> Info:
        """Set it in `tx`, and return all of it.

        Raises:
            ConflictError: The info has another version, or the title is made of an item that was redacted since.
            OwnerError: The session belongs to another owner than the conversation's.
            DecryptionError: The session is encrypted with another key, or the info was altered.
        """
        conversation, now = self.conversation, self.now
        # A lease guards a branch. This changes no branch, and naming a conversation does not count as activity.
        locked = bump_version(tx, conversation, now, guard=False, active=False) or begin_session(tx, conversation, now)
        locked = ensure_encrypted(tx, locked)
        active_at, *columns = tx.the(statements.INFO_OF, session=locked.session)
        before = StoredInfo(*columns)
        version = before.version or 0
        if self.expected_version is not None and self.expected_version != version:
            raise ConflictError(
                f"session {conversation.session_id!r}: its info has version {version}, not {self.expected_version}, "
                "because another caller has set it. Nothing was changed. Read it again.",
                version,
            )
        old = before.details(locked.key)
        if self.only_untitled and old.title is not None:
            raise ConflictError(
                f"session {conversation.session_id!r} already has a title. Nothing was changed.", version
            )
        details = old._replace(**self.details)
        if "title" in self.details:
            details = details._replace(title_of=self._source(tx, locked))
        after = before._replace(version=version + 1, **self.columns).with_details(details, locked.key)
        place: dict[str, Any] = {"session": locked.session}
        tx.run(statements.PUT_INFO, version=after.version, payload=after.payload, **place)
        tx.run(statements.FORGET_TAGS, **place)
        # In an encrypted session, tags are nowhere in the clear.
        tags = details.tags if locked.key is None else ()
        tx.many(statements.ADD_TAG, [(locked.session, tag, active_at) for tag in tags])
        tx.run(statements.PLACE, owner=after.owner, archived=after.archived, tagged=int(bool(tags)), **place)
        record_change(tx, locked, "info_changed", now)
        return after.as_info(details)

    def _source(self, tx: Transaction, locked: LockedSession) -> EntryId | None:
        """Return the entry that the title is made of.

        Raises:
            ConflictError: It was redacted or removed since it was read. A pop may have taken it off; that is no matter.
        """
        if self.title_of is None:
            return None
        source, item, corrected_in = self.title_of
        row = tx.one(entry_statements.ENTRY, id=source.entry)
        is_there = row is not None and row[1] == source.version
        if is_there:
            stays = reader_of(self.conversation, locked.wrapped_keys).open_or_unreadable(row) == item  # type: ignore[arg-type]
        else:
            stays = (corrected_in,) == tx.the(correction_statements.CORRECTED_IN, session=locked.session)
        if not stays:
            raise ConflictError(
                f"session {self.conversation.session_id!r}: the message of which a title was made was redacted or "
                "removed since. Nothing was changed.",
                locked.version,
            )
        return source

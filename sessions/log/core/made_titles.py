"""Titles that were made of an item: they go with it where something has to leave a session for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.log.core.details import StoredInfo
from sessions.log.core.entry_ids import EntryId, find_entry_ids
from sessions.log.statements import info as statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.db.transaction import Transaction
    from sessions.log.encryption.payloads import Payloads


def made_of(tx: Transaction, session: int, key: Payloads | None) -> EntryId | None:
    """Return the entry of which a session's title was made; ``None`` if it has none, or one that a caller gave.

    Raises:
        DecryptionError: The session's info was altered.
        DamagedSessionError: It cannot be read.
    """
    found = _stored(tx, session).details(key).title_of
    return None if found is None else EntryId(*found)


def is_there(tx: Transaction, entry: EntryId) -> bool:
    """Tell whether an entry is there: its place may have been taken by another one."""
    return find_entry_ids(tx, [entry.entry]).get(entry.entry) == entry


def forget_title(tx: Transaction, session: int, key: Payloads | None, is_going: Callable[[EntryId], bool]) -> bool:
    """Remove the title of a locked session if it was made of an entry that is going; tell whether it was removed.

    Raises:
        DecryptionError: The session's info was altered.
        DamagedSessionError: It cannot be read.
    """
    stored = _stored(tx, session)
    details = stored.details(key)
    if details.title_of is None or not is_going(EntryId(*details.title_of)):
        return False
    without = stored._replace(version=(stored.version or 0) + 1)
    without = without.with_details(details._replace(title=None, title_of=None), key)
    tx.run(statements.PUT_INFO, session=session, version=without.version, payload=without.payload)
    return True


def _stored(tx: Transaction, session: int) -> StoredInfo:
    _, *columns = tx.the(statements.INFO_OF, session=session)
    return StoredInfo(*columns)

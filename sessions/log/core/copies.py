"""Entries that repeat another one's item: a correction has to reach all of them.

The store repeats an item where a repair writes the end of a branch again, where a pop puts annotations back behind what
it leaves, and where an adopted session has a message on two branches. Each copy notes the first entry that had the
item, also if that was a copy itself. Ids of places that are filled again are told apart by versions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.log.core.entry_ids import EntryId
from sessions.log.statements import corrections as statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.db.transaction import Transaction
    from sessions.log.core.extend import NewEntry


def note_copies(tx: Transaction, session: int, entries: Sequence[NewEntry], first_id: int, version: int) -> None:
    """Note the sources of new entries, whose ids are consecutive.

    Notes about copies that are gone stay until the next correction: the entries may be about to be put back.
    """
    rows = [
        (session, id_, version, *first_source(tx, session, entry.source))
        for id_, entry in enumerate(entries, first_id)
        if entry.source is not None
    ]
    if rows:
        tx.many(statements.FORGET_COPY, [row[:3] for row in rows])
        tx.many(statements.ADD_COPY, rows)


def first_source(tx: Transaction, session: int, entry: EntryId) -> EntryId:
    """Return the first entry that had an entry's item: itself, if it repeats none."""
    row = tx.one(statements.SOURCE_OF, session=session, entry=entry.entry, version=entry.version)
    return entry if row is None else EntryId(*row)


def copies_of(tx: Transaction, session: int, source: EntryId) -> list[EntryId]:
    """Return the entries that repeat the item of an entry which was the first to have it."""
    rows = tx.all(statements.COPIES_OF, session=session, source=source.entry, source_version=source.version)
    return [EntryId(*row) for row in rows]


def forget_lost_copies(tx: Transaction, session: int) -> None:
    """Remove the notes about copies that are gone."""
    if lost := tx.all(statements.LOST_COPIES, session=session):
        tx.many(statements.FORGET_COPY, lost)

"""Rows that are made of entries: they are corrected in the same transaction. New kinds of them belong here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.db.ids import owner_of
from sessions.items.kinds import USER
from sessions.log.core.made_titles import forget_title, is_there, made_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sessions.log.core.entry_ids import EntryId
    from sessions.log.corrections.begin import Correction
    from sessions.log.words import EntryRow


def correct_derived(correction: Correction, family: Sequence[EntryRow], gone: Collection[EntryId] = ()) -> bool:
    """Remove the rows that are made of some entries: the session's title; return whether it was removed.

    A title that a caller gave stays. If the entry of which the title was made is not there, it was popped and may have
    been added again since, or the title came with a fork: then it goes with the first message of any way.

    Args:
        correction: The correction.
        family: The corrected entries.
        gone: Other entries that were removed.
    """
    ids = {(row.id, row.version) for row in family}.union(gone)
    begins = any(row.kind == USER and row.turn == 1 for row in family)

    def is_going(entry: EntryId) -> bool:
        return entry in ids or (begins and not _is_there(correction, entry))

    return forget_title(correction.tx, correction.session, correction.locked.key, is_going)


def title_entry(correction: Correction) -> EntryId | None:
    """Return the entry of which the session's title was made, if it is there."""
    entry = made_of(correction.tx, correction.session, correction.locked.key)
    return entry if entry is not None and _is_there(correction, entry) else None


def _is_there(correction: Correction, entry: EntryId) -> bool:
    """Tell whether the session has an entry; a fork's title has the id of an entry of the other session."""
    return owner_of(entry.entry) in correction.lineages.origins and is_there(correction.tx, entry)

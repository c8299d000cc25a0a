"""Rows that are made of entries: they are corrected in the same transaction. New kinds of them belong here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.db.ids import owner_of
from sessions.items.kinds import USER
from sessions.log.core.details import StoredInfo
from sessions.log.core.entry_ids import EntryId, find_entry_ids
from sessions.log.statements import info as info_statements

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sessions.log.corrections.begin import Correction
    from sessions.log.words import EntryRow


def correct_derived(correction: Correction, family: Sequence[EntryRow], gone: Collection[EntryId] = ()) -> bool:
    """Remove what was made of some entries: the session's title; return whether it was.

    A title that a caller gave stays. If the entry of which the title was made is not there, it was popped and may have
    been added again since, or the title came with a fork: then it goes with the first message of any way.

    Args:
        correction: The correction.
        family: The corrected entries.
        gone: Other entries that were removed.
    """
    tx, session, key = correction.tx, correction.session, correction.locked.key
    _, *columns = tx.the(info_statements.INFO_OF, session=session)
    stored = StoredInfo(*columns)
    details = stored.details(key)
    if details.title_of is None:
        return False
    ids = {(row.id, row.version) for row in family}.union(gone)
    begins = any(row.kind == USER and row.turn == 1 for row in family)
    if details.title_of not in ids and not (begins and not _is_there(correction, details.title_of)):
        return False
    without = stored._replace(version=(stored.version or 0) + 1)
    without = without.with_details(details._replace(title=None, title_of=None), key)
    tx.run(info_statements.PUT_INFO, session=session, version=without.version, payload=without.payload)
    return True


def title_entry(correction: Correction) -> EntryId | None:
    """Return the entry of which the session's title was made, if it is there."""
    _, *columns = correction.tx.the(info_statements.INFO_OF, session=correction.session)
    made_of = StoredInfo(*columns).details(correction.locked.key).title_of
    return EntryId(*made_of) if made_of is not None and _is_there(correction, made_of) else None


def _is_there(correction: Correction, made_of: tuple[int, int]) -> bool:
    """Tell whether the session has an entry; a fork's title has the id of an entry of the other session."""
    is_own = owner_of(made_of[0]) in correction.lineages.origins
    return is_own and find_entry_ids(correction.tx, [made_of[0]]).get(made_of[0]) == made_of

"""The entries that hold one item: the one that a caller names, its copies, and all that were added with its key.

A correction of an entry is one of its family: the checks before it and the result after it are the same for all kinds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.db.ids import owner_of
from sessions.log.conversation import NO_EXPIRY
from sessions.log.core.copies import copies_of, first_source
from sessions.log.core.entry_ids import EntryId, unknown_entry
from sessions.log.core.item_keys import keys_of, places_of
from sessions.log.core.one_entry import locate
from sessions.log.corrections.begin import Corrected, check_leases, finish
from sessions.log.corrections.derived import correct_derived
from sessions.log.corrections.forks import find_forks
from sessions.log.history.ways import leads_through
from sessions.log.statements import entries as entry_statements
from sessions.log.words import EntryRow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from sessions.log.core.one_entry import Wanted
    from sessions.log.corrections.begin import Correction

EVERYTHING_THERE: Final = {"now": NO_EXPIRY, "oldest": NO_EXPIRY}
"""The parameters of statements that leave nothing out: what has expired still has its bytes."""


def find_family(correction: Correction, wanted: Wanted) -> list[EntryRow]:
    """Return all entries that hold a wanted entry's item, in the order of their ids, also expired ones.

    An item key is an item's own id, so entries with the same key hold the same item, wherever they were added. Notes
    about entries come from imported files, too: they never lead into another session.

    Raises:
        UnknownEntryError: The session has no such entry.
    """
    tx, head = correction.tx, correction.head
    place = locate(tx, correction.conversation, head, wanted, EVERYTHING_THERE)
    row = place and tx.one(entry_statements.ENTRY, id=place.entry)
    if not place or row is None or place.version not in {0, row[1]}:
        raise unknown_entry(correction.conversation.session_id, str(wanted))
    waiting = [EntryId(row[0], row[1])]
    found: dict[int, EntryRow] = {}
    while waiting:
        entry = waiting.pop()
        if entry.entry in found or owner_of(entry.entry) not in correction.lineages.origins:
            continue
        there = tx.one(entry_statements.ENTRY, id=entry.entry)
        if there is not None and there[1] == entry.version:
            found[entry.entry] = EntryRow._make(there)
            waiting += _relatives(correction, entry)
    return [found[entry] for entry in sorted(found)]


def _relatives(correction: Correction, entry: EntryId) -> Iterator[EntryId]:
    """Yield the entries that are known to hold the item of one."""
    tx, head = correction.tx, correction.head
    source = first_source(tx, correction.session, entry)
    yield source
    yield from copies_of(tx, correction.session, source)
    for key in keys_of(tx, head, [entry.entry]).values():
        yield from (EntryId(*place) for place in places_of(tx, head, key.key, EVERYTHING_THERE))


def find_family_to_change(correction: Correction, wanted: Wanted) -> list[EntryRow]:
    """Return the same, if leases let the caller change all of them.

    Raises:
        UnknownEntryError: The session has no such entry.
        SessionBusyError: Another caller holds an exclusive lease on a branch that sees one of them.
    """
    family, lineages = find_family(correction, wanted), correction.lineages
    seeing = (tip for tip in correction.tips if any(leads_through(lineages, tip, row.id) for row in family))
    check_leases(correction, seeing)
    return family


def finish_family(
    correction: Correction,
    what: Literal["redacted", "removed"],
    family: list[EntryRow],
    summaries: tuple[EntryId, ...],
    elsewhere: tuple[int, int],
) -> Corrected:
    """Correct the rows derived from a changed family, record the change, and return the result.

    Args:
        correction: The correction.
        what: The kind of change.
        family: The entries, as they were.
        summaries: The summaries that were dropped.
        elsewhere: How many of the SDK's messages went, and how many cannot be read.
    """
    title = correct_derived(correction, family)
    forks = find_forks(correction, (row.id for row in family))
    ids = tuple(EntryId(row.id, row.version) for row in family)
    corrected = Corrected(correction.locked.version, len(family), ids, summaries, title, forks, *elsewhere)
    return finish(correction, what, corrected)

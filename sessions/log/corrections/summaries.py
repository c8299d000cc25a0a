"""Summaries over corrected entries: they may repeat an entry, so they go with it, or nothing is corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.db.ids import owner_of
from sessions.errors import SummarizedError
from sessions.log.context.annotations import SUMMARY, Covering, is_mark
from sessions.log.core import entry_rows
from sessions.log.core.entry_ids import EntryId
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import corrections as statements
from sessions.log.words import EntryRow

if TYPE_CHECKING:
    from sessions.log.corrections.begin import Correction


def settle_summaries(correction: Correction, family: list[EntryRow], *, drop: bool) -> tuple[EntryId, ...]:
    """Drop the summaries over some entries, on whichever way, in force or not; return their ids.

    Their ranges are shown again. A summary that cannot be read counts as one over them.

    Raises:
        SummarizedError: There are some, and they are not to be dropped.
    """
    found = _over(correction, family)
    ids = tuple(EntryId(row.id, row.version) for row in found)
    if found and not drop:
        where = ", ".join(str(row.position) for row in found)
        they = f"the summary at position {where} stands" if len(found) == 1 else f"the summaries at {where} stand"
        raise SummarizedError(
            f"session {correction.conversation.session_id!r}: {they} for the entry and may repeat it. Nothing was "
            "changed. Pass summaries='drop', and compact again.",
            tuple(id_.text for id_ in ids),
        )
    for row in found:
        delete_entry(correction, row.id)
    return ids


def delete_entry(correction: Correction, entry: int) -> None:
    """Remove an entry. Its place stays empty, so no position, tip or turn changes."""
    entry_rows.delete_entry(correction.tx, entry)
    correction.tx.run(branch_statements.NOTE_HOLE, segment=owner_of(entry))


def _over(correction: Correction, family: list[EntryRow]) -> list[EntryRow]:
    head, lineages = correction.head, correction.lineages
    family_ids = {row.id for row in family}
    # Summaries are made of what models see, to which no annotation belongs except for other summaries.
    seen = [row for row in family if not is_mark(row.kind) or row.kind == SUMMARY]
    if not head.annotated or not seen:
        return []
    found = []
    for row in map(EntryRow._make, correction.tx.all(statements.SUMMARIES, session=correction.session)):
        if row.id in family_ids:
            continue
        covering = Covering.of(row, head.reader.open_or_unreadable(row))
        low, high = (1, row.position - 1) if covering is None else covering.range
        segment = owner_of(row.id)
        if any(low <= one.position <= high and lineages.entry_at(segment, one.position) == one.id for one in seen):
            found.append(row)
    return found

"""Other sessions that were made of a session, which a correction does not reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.db.ids import owner_of, position_of
from sessions.log.lifetime.forks import forks_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessions.log.corrections.begin import Correction


def find_forks(correction: Correction, entries: Iterable[int]) -> tuple[str, ...]:
    """Return the ids of the sessions that were forked with one of some entries, and of their forks."""
    wanted = list(entries)
    return tuple(
        fork.session_id
        for fork in forks_of(correction.tx, correction.session)
        if any(_has(correction, fork.at, entry) for entry in wanted)
    )


def _has(correction: Correction, last: int, entry: int) -> bool:
    """Tell whether an entry is on the way to the last one of a fork; it may be if that way is gone."""
    segment, position = owner_of(last), position_of(entry)
    if segment not in correction.lineages.origins:
        return True
    return position <= position_of(last) and correction.lineages.entry_at(segment, position) == entry

"""Other sessions that were made of a session, which a correction does not reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.log.lifetime.forks import forks_of

if TYPE_CHECKING:
    from sessions.log.corrections.begin import Correction


def find_forks(correction: Correction) -> tuple[str, ...]:
    """Return the ids of the sessions that were forked from a session, and from its forks: they may have the entry."""
    return tuple(fork.session_id for fork in forks_of(correction.tx, correction.session))

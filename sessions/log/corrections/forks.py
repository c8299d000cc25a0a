"""Other sessions that were made of a session, which a correction does not reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sessions.log.corrections.begin import Correction


def find_forks(correction: Correction) -> tuple[str, ...]:
    """Return the ids of sessions that were made of a session. No session notes its source yet."""
    del correction
    return ()

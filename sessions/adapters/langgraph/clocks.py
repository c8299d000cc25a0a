"""Clocks that were set back: LangGraph's ids begin with the time, and the highest is a thread's latest checkpoint."""

from __future__ import annotations

import logging
from typing import Final

_log = logging.getLogger("sessions")

_LENGTH: Final = 36
_VERSION: Final = 14
"""The place of a UUID's version in its text."""


def warn_of_clock(subject: str, checkpoint_id: str, parent_id: str | None) -> None:
    """Log a warning if a checkpoint will not be the thread's latest although it follows that one.

    Example: ``warn_of_clock("thread '1'", checkpoint["id"], parent_id)``
    """
    if parent_id is not None and checkpoint_id < parent_id and _has_time(checkpoint_id) and _has_time(parent_id):
        _log.warning(
            "%s: checkpoint %r follows one with a later time in its id, so a clock was set back. It is stored, but "
            "LangGraph takes the later time for the thread's latest checkpoint. Synchronise the clocks; until then go "
            "on from this checkpoint by its id.",
            subject,
            checkpoint_id,
        )


def _has_time(checkpoint_id: str) -> bool:
    """Tell whether an id is a UUID of version 6, as LangGraph makes them."""
    return len(checkpoint_id) == _LENGTH and checkpoint_id[_VERSION] == "6"

"""Garbage of event loops that were closed by hand."""

from __future__ import annotations

import gc
import warnings


def gc_quietly() -> None:
    """Collect the transports of loops that were closed by hand, of which Python warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()

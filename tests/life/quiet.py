"""Garbage of event loops that were closed by hand, or in which a test failed."""

from __future__ import annotations

import gc
import sys
import warnings
from contextlib import suppress


def gc_quietly() -> None:
    """Collect the transports of loops that were closed by hand, of which Python warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def collect_for_others() -> None:
    """Collect the garbage of earlier tests, and say nothing of errors in it.

    A test that failed leaves connections of a loop that is closed by now: as garbage, they call it. Its traceback stays
    here until the next test runs, with all that its frames refer to.
    """
    for name in ("last_exc", "last_type", "last_value", "last_traceback"):
        with suppress(AttributeError):
            delattr(sys, name)
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        gc_quietly()
    finally:
        sys.unraisablehook = hook

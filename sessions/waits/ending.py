"""The end of the interpreter: only the thread that ends it still runs, and no other one can be waited for.

Garbage is collected then, and generators are closed; with them, the rest of the program may call anything here.
Python 3.11 starts threads that never run; 3.12 and later refuse to start them, already in functions of `atexit`.
"""

from __future__ import annotations

from sys import is_finalizing

from sessions.errors import StoreError

__all__ = ["ending", "is_finalizing", "refuse_at_end"]


def ending() -> StoreError:
    """Return the error of an operation that comes too late."""
    return StoreError(
        "the program is ending, so no thread can be started or waited for. Nothing was done. Finish using sessions "
        "before the program ends."
    )


def refuse_at_end() -> None:
    """Refuse to wait for another thread, which would be for ever.

    Raises:
        StoreError: The interpreter is ending.
    """
    if is_finalizing():
        raise ending()

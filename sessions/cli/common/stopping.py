"""Work that stops in the middle, by Ctrl-C or an error: how far it came, and how to continue."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sessions.cli.common.running import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def telling(how_far: Callable[[], str | None]) -> Iterator[None]:
    """Say how far work came if it stops, before the error, which only speaks of the part that failed.

    Args:
        how_far: Returns the words; nothing if there is nothing to say.
    """
    try:
        yield
    except BaseException:
        if text := how_far():
            say(text)
        raise

"""Progress of long work, on standard error, if that is a terminal."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def progress(doing: str) -> Iterator[Callable[[str], None]]:
    """Show work as it goes on; yield a function that says how far it is.

    Args:
        doing: The work, as in ``"Rotating keys"``.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - few commands take long

    with Console(stderr=True, highlight=False, markup=False, emoji=False).status(f"{doing} …") as status:
        yield lambda far: status.update(f"{doing} … {far}")

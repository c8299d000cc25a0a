"""Standard output as rich writes to it."""

from __future__ import annotations

import sys
from typing import NoReturn

from rich.console import Console


class Screen(Console):
    """Standard output: without colours in a pipe, or with NO_COLOR.

    Args:
        width: How many columns there are.
    """

    def __init__(self, width: int) -> None:
        super().__init__(file=sys.stdout, highlight=False, markup=False, emoji=False, width=width)

    def on_broken_pipe(self) -> NoReturn:
        """Pass on that nobody reads any more: rich itself would end the process with the code of findings.

        Raises:
            BrokenPipeError: Always.
        """
        raise BrokenPipeError

"""Runs the examples of a page of docs/."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_DOCS = Path(__file__).parents[1] / "docs"


def blocks(page: str, language: str) -> dict[int, str]:
    """Return a page's code blocks by the number of lines before them, in their order."""
    text = (_DOCS / page).read_text(encoding="utf-8")
    found = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return {text[: match.start(1)].count("\n"): match[1] for match in found}


async def run_page(page: str, known: dict[str, Any], *, after: Callable[[str], None] | None = None) -> None:
    """Run a page's Python examples in their order, as one program.

    Args:
        page: The page's name in docs/.
        known: The program's variables, to begin with and afterwards.
        after: Called with each example when that has run.
    """
    for line, example in blocks(page, "python").items():
        # A failure names the line of the page.
        code = compile("\n" * line + example, str(_DOCS / page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        waiting = eval(code, known)  # noqa: S307 -- our own page.
        if waiting is not None:
            await waiting
        if after is not None:
            after(example)

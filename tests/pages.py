"""Runs the code blocks of a page of the documentation."""

from __future__ import annotations

import ast
import io
import re
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A code block of a page."""

    language: str
    text: str
    line: int
    """The number of lines before the block's text."""


def all_blocks(page: str) -> list[Block]:
    """Return a page's code blocks in their order; a page is known by its path from docs/."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [Block(found[1], found[2], text[: found.start(2)].count("\n")) for found in _FENCE.finditer(text)]


def blocks(page: str, language: str) -> dict[int, str]:
    """Return a page's code blocks in a language by the number of lines before them, in their order."""
    return {block.line: block.text for block in all_blocks(page) if block.language == language}


async def run_page(
    page: str,
    known: dict[str, Any],
    *,
    after: Callable[[str], None] | None = None,
    printed: bool = False,
    replacing: Mapping[str, str] | None = None,
) -> None:
    """Run a page's Python examples in their order, as one program.

    Args:
        page: The page's path from docs/.
        known: The program's variables, to begin with and afterwards.
        after: Called with each example when that has run.
        printed: Compare each block of text with what was printed since the one before.
        replacing: Names of the world outside, as ports and folders, and those of the test.
    """
    output = io.StringIO()
    for language, text, line in all_blocks(page):
        if language == "python":
            example = text
            for theirs, ours in (replacing or {}).items():
                example = example.replace(theirs, ours)
            with redirect_stdout(output) if printed else nullcontext():
                await run_block(page, line, example, known)
            if after is not None:
                after(text)
        elif language == "text" and printed:
            assert output.getvalue() == text, f"{page}, line {line + 1}"
            output.seek(0)
            output.truncate()


async def run_block(page: str, line: int, text: str, known: dict[str, Any]) -> None:
    """Run one Python example; a failure names the line of the page."""
    code = compile(
        "\n" * line + text, str(DOCS / page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
    )
    waiting = eval(code, known)  # noqa: S307 -- our own page.
    if waiting is not None:
        await waiting

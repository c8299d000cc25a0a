"""The page on the command line, "command-line.md": its commands print what it says, and it has each command."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sessions.cli.commands import PLACES
from tests.pages import DOCS, all_blocks

from .page import PAGE, expected, outputs

if TYPE_CHECKING:
    from pathlib import Path


def test_each_command_prints_what_the_page_says(tmp_path: Path) -> None:
    assert list(outputs(tmp_path)) == expected()


def test_the_page_has_blocks_of_commands_and_outputs_by_turns() -> None:
    """Outputs are compared above, so no block of commands lacks its own."""
    languages = [block.language for block in all_blocks("command-line.md")]
    assert languages == ["python", *["sh", "text"] * (len(languages) // 2)]


def test_each_command_is_on_the_page() -> None:
    text = (DOCS / PAGE).read_text(encoding="utf-8")
    named = set(re.findall(r"sessions (\w+)", text))
    assert set(PLACES) - named == set()

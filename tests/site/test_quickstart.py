"""docs/quickstart.md, executed as it stands: its code blocks are one program, and its texts are what that prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.pages import blocks, run_page

if TYPE_CHECKING:
    from pathlib import Path


async def test_the_page_says_what_happens(folder: Path) -> None:
    del folder
    known: dict[str, Any] = {}
    await run_page("quickstart.md", known, printed=True)
    assert len(blocks("quickstart.md", "text")) == 7
    await known["session"].aclose()

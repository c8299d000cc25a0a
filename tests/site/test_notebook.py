"""docs/notebook.md, executed as it stands: its cells are one program, and its texts are what that prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.pages import blocks, run_page

if TYPE_CHECKING:
    from pathlib import Path


async def test_the_page_says_what_happens(folder: Path) -> None:
    known: dict[str, Any] = {}
    await run_page("notebook.md", known, printed=True)
    assert len(blocks("notebook.md", "text")) == 5
    picture = (folder / "tree.html").read_text(encoding="utf-8")
    assert "And in week 5?" in picture
    assert "://" not in picture.replace("http://www.w3.org", "")

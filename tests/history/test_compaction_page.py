"""docs/compaction.md, executed as it stands: its code blocks are one program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.pages import blocks, run_page

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def test_the_page_says_what_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(blocks("compaction.md", "python")) == 5
    page: dict[str, Any] = {}
    await run_page("compaction.md", page)
    for used in (page["session"], page["compacted"]):
        used.close()

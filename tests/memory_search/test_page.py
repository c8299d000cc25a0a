"""docs/memory-search.md, executed as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.pages import run_page

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def test_the_page_says_what_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page: dict[str, Any] = {}
    await run_page("memory-search.md", page)
    await page["store"].close()

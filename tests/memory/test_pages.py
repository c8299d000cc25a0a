"""The pages about memories, executed as they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.pages import run_page

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("page", ["filters.md", "memories.md"])
async def test_a_page_says_what_happens(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    await run_page(page, names, printed=True)
    await names["store"].close()

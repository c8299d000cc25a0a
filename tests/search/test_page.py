"""docs/search.md, executed as it stands: its code blocks are one program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.pages import run_page

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page: dict[str, Any] = {}
    await run_page("search.md", page)
    assert page["hit"].session_id == "orders"

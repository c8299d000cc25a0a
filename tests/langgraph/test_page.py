"""The page for people who come from LangGraph: its programs run and print what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.pages import run_page

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page: dict[str, Any] = {}
    await run_page("coming-from-langgraph.md", page, printed=True)
    assert page["page"] == []
    assert page["would"].checkpoints == 0
    assert not page["receipt"].existed
    page["saver"].close()

"""docs/branches.md, executed as it stands: its code blocks are one program, and its tree is what that prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.pages import blocks, run_page

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def test_the_page_says_what_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    page: dict[str, Any] = {}
    await run_page("branches.md", page)

    assert [capsys.readouterr().out] == list(blocks("branches.md", "text").values())
    for used in (page["session"], page["same"]):
        used.close()


def test_the_page_has_its_examples() -> None:
    assert len(blocks("branches.md", "python")) == 17

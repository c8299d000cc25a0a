"""docs/branches.md, executed as it stands: its code blocks are one program, and its tree is what that prints."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from rich.console import Console

from sessions import SQLiteSession
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
    file = io.StringIO()
    session = SQLiteSession("user_123", "conversations.db")
    await session.tree(console=Console(file=file, width=80))
    assert [file.getvalue()] == list(blocks("branches.md", "text").values())
    for used in (session, page["session"], page["same"]):
        used.close()


def test_the_page_has_its_examples() -> None:
    assert len(blocks("branches.md", "python")) == 15

"""docs/branches.md, executed as it stands: its code blocks are one program, and its tree is what that prints."""

from __future__ import annotations

import ast
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from sessions import SQLiteSession

if TYPE_CHECKING:
    import pytest

PAGE = Path(__file__).parents[2] / "docs" / "branches.md"


def blocks(language: str) -> dict[int, str]:
    """Return the page's code blocks by the line before they begin."""
    page = PAGE.read_text(encoding="utf-8")
    found = re.finditer(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return {page[: match.start(1)].count("\n"): match[1] for match in found}


async def test_the_page_says_what_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    page: dict[str, Any] = {}
    for line, block in blocks("python").items():
        # A failure names the line of the page.
        code = compile("\n" * line + block, str(PAGE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        waiting = eval(code, page)  # noqa: S307 -- our own page.
        if waiting is not None:
            await waiting

    assert [capsys.readouterr().out] == list(blocks("text").values())
    file = io.StringIO()
    session = SQLiteSession("user_123", "conversations.db")
    await session.tree(console=Console(file=file, width=80))
    assert [file.getvalue()] == list(blocks("text").values())
    for used in (session, page["session"], page["same"]):
        used.close()


def test_the_page_has_its_examples() -> None:
    assert len(blocks("python")) == 12

"""docs/windows.md, executed as it stands: its code blocks are one program."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

PAGE = Path(__file__).parents[2] / "docs" / "windows.md"


async def test_the_page_says_what_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    examples = list(re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    assert len(examples) == 4
    page: dict[str, Any] = {}
    for example in examples:
        # A failure names the line of the page.
        code = "\n" * text[: example.start(1)].count("\n") + example[1]
        compiled = compile(code, str(PAGE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        waiting = eval(compiled, page)  # noqa: S307 -- our own page.
        if waiting is not None:
            await waiting
    for used in (page["session"], page["windowed"]):
        used.close()

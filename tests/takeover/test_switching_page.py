"""docs/switching.md, executed as it stands: its code blocks are one program, on a file that the SDK wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import agents

from tests.pages import blocks, run_page

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def test_the_page_says_what_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("user_1", "user_123"):
        theirs = agents.SQLiteSession(name, "conversations.db")
        await theirs.add_items([{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi."}])
        theirs.close()
    assert len(blocks("switching.md", "python")) == 4
    page: dict[str, Any] = {}
    await run_page("switching.md", page)
    assert "user_123 2" in capsys.readouterr().out
    assert await page["there"].get_items() == await page["session"].get_items()
    assert len(await page["there"].get_items()) == 3
    page["session"].close()
    page["there"].close()
    page["theirs"].close()
    await page["store"].close()

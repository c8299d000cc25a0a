"""docs/moving.md, executed as it stands; OpenAI's hosted conversations are those of a local server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.pages import run_page

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from openai import AsyncOpenAI

    from .hosted_server import Conversations


async def test_the_page_says_what_happens(
    hosted: tuple[Conversations, AsyncOpenAI], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    conversations, client = hosted
    page: dict[str, Any] = {"client": client}
    async with client:
        await run_page("moving.md", page, printed=True)
    assert len(conversations.items) == 1
    assert await page["store"].session("back").get_items() == conversations.items["conv_1"]
    assert await page["archive"].count() == await page["store"].count()
    for name in ("store", "archive", "restored"):
        await page[name].close()

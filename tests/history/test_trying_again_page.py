"""docs/trying-again.md, executed as it stands, with the SDK's runner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.pages import blocks, run_page

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def test_the_page_says_what_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page: dict[str, Any] = {}
    await run_page("trying-again.md", page)
    page["model"].assert_complete()
    page["session"].close()
    page["hook"].close()


def test_the_page_has_its_examples() -> None:
    assert len(blocks("trying-again.md", "python")) == 7

"""docs/watching.md, executed as it stands: its code blocks are one program."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from sessions.types import ChangeKind
from tests.pages import blocks, run_page

if TYPE_CHECKING:
    import pytest

_PAGE = Path(__file__).parents[2] / "docs" / "watching.md"


async def test_the_page_says_what_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(blocks("watching.md", "python")) == 3
    page: dict[str, Any] = {}
    await run_page("watching.md", page)
    await _watch_live(page)
    page["session"].close()


def test_each_kind_of_change_has_its_row() -> None:
    rows = [line.split("|")[1] for line in _PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in row.replace(" ", "").replace("`", "").split(",")]
    assert sorted(named) == sorted(get_args(ChangeKind))


async def _watch_live(page: dict[str, Any]) -> None:
    """See that the live view shows what is there, whatever happens."""
    session, message = page["session"], page["message"]
    screen: asyncio.Queue[list[Any]] = asyncio.Queue()
    shown: list[Any] = []

    def show(items: list[Any]) -> None:
        shown[:] = items
        screen.put_nowait(list(shown))

    def show_more(branch: str, items: list[Any]) -> None:
        assert branch == "main"
        shown.extend(items)
        screen.put_nowait(list(shown))

    watching = asyncio.create_task(page["live"](show, show_more))
    for change in (
        session.add_items([message("user", "One")]),
        session.add_items([message("user", "Two"), message("assistant", "2")]),
        session.pop_item(),
        session.undo(),
        session.clear_session(),
        session.add_items([message("user", "Three")]),
    ):
        await change
        there = await session.get_items()
        async with asyncio.timeout(60):
            while await screen.get() != there:
                pass
    watching.cancel()
    await asyncio.wait([watching])

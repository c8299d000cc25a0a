"""The examples of docs/expiry.md run, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions import ErasureReceipt
from sessions.testing.list_model import user
from tests.pages import run_page

if TYPE_CHECKING:
    from pathlib import Path


async def test_the_examples_run(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    known: dict[str, Any] = {"url": f"sqlite:///{path}", "path": path, "message": user("Hello")}

    def open_again(example: str) -> None:
        if "open_store(url, sweep_every" in example:
            known["store"] = known["open_store"](known["url"])

    await run_page("expiry.md", known, after=open_again)
    assert isinstance(known["receipt"], ErasureReceipt)
    assert (known["receipt"].entries, known["pending"]) == (2, ())

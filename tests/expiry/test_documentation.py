"""The examples of docs/expiry.md run, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions import ErasureReceipt, open_store
from sessions.testing.list_model import user
from tests.pages import run_page

if TYPE_CHECKING:
    from pathlib import Path


async def test_the_examples_run(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    async with open_store(f"sqlite:///{path}") as store:
        for name in ("ann", "bob"):
            await store.session(f"{name}'s", owner=name).add_items([user("Hello")])
    known: dict[str, Any] = {"url": f"sqlite:///{path}", "path": path, "message": user("Hello")}

    def open_again(example: str) -> None:
        if "open_store(url, sweep_every" in example:
            known["store"] = known["open_store"](known["url"])

    await run_page("expiry.md", known, after=open_again)
    assert isinstance(known["receipt"], ErasureReceipt)
    assert (known["receipt"].entries, known["pending"]) == (2, ())
    assert (known["erased"].sessions, known["erased"].pending) == (1, ())
    async with open_store(f"sqlite:///{path}") as store:
        assert [info.session_id for info in await store.sessions()] == ["bob's"]

"""The examples of docs/retention.md run, in their order, and print what the page says."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sessions import open_store
from sessions.testing.expiry_model import MovableClock
from sessions.testing.list_model import user
from tests.pages import run_page

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

_CALL = {"type": "function_call", "call_id": "1", "name": "refund", "arguments": "{}"}


async def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    time = MovableClock(monkeypatch)
    async with open_store("sqlite:///chats.db") as store:
        await store.session("old").add_items([user("1"), user("2")])
        await store.session("waiting").add_items([user("1"), _CALL])
        time.move(timedelta(days=91).total_seconds())
        for name, owner in (("1", ("acme", "ann")), ("2", ("acme", "ann")), ("3", "acme")):
            await store.session(name, owner=owner).add_items([user("1")])
    known: dict[str, Any] = {}
    await run_page("retention.md", known, printed=True)
    await known["store"].close()

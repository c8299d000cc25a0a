"""Sessions that the OpenAI Agents SDK wrote: once adopted, policies and owners' erasures remove its copy, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import agents
import pytest

from sessions import RetentionPolicy, open_store

if TYPE_CHECKING:
    from pathlib import Path

WORDS = "a word that nobody else says"


@pytest.mark.parametrize("how", ["retain", "erase_owner"])
async def test_the_copy_goes_with_the_session(tmp_path: Path, how: str) -> None:
    """Fails without: log/lifetime/retain.py and erase_owners.py, `elsewhere` given to `erase`."""
    path = tmp_path / "sessions.db"
    for name in ("s", "untouched"):
        theirs = agents.SQLiteSession(name, path)
        await theirs.add_items([{"role": "user", "content": f"{WORDS} {name}"}])
        theirs.close()
    async with open_store(f"sqlite:///{path}") as store:
        await store.session("s").set_info(owner="ann", archived=True)
        if how == "retain":
            report = await store.retain(RetentionPolicy(archived=True))
            assert (report.erased, report.entries, report.pending) == (1, 1, ())
        else:
            receipt = await store.erase_owner("ann")
            assert (receipt.sessions, receipt.rows["log"]["sdk_rows"], receipt.pending) == (1, 2, ())
        assert not any(f"{WORDS} s".encode() in file.read_bytes() for file in tmp_path.iterdir())
        assert await store.session("s").get_items() == []
        assert len(await store.session("untouched").get_items()) == 1

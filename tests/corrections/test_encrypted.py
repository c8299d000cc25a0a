"""Corrections of encrypted sessions: payloads stay bound to their rows, and keys can be rotated afterwards."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from sessions import DecryptionError, MissingKeyError, generate_key, open_store
from sessions.testing.corrections.shared import stored

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "whatnobodyshouldhavesaid"  # noqa: S105 - it is said
ITEMS: list[Any] = [
    {"role": "user", "content": "1"},
    {"type": "function_call", "call_id": "c", "name": "look", "arguments": SECRET},
    {"type": "function_call_output", "call_id": "c", "output": SECRET},
    {"role": "assistant", "content": SECRET},
]


@pytest.mark.parametrize("hidden", [False, True])
async def test_entries_are_read_and_encrypted_again_after_a_correction(anywhere: str, *, hidden: bool) -> None:
    """Fails without: log/corrections/redact.py, `key.encrypt(row)`: bound to nothing."""
    options: dict[str, Any] = {"encryption_key": generate_key(), "hide_tool_names": hidden}
    async with open_store(anywhere, create_tables=True, **options) as store:
        session = store.session("s", ttl=None)
        await session.as_author("ann").add_items(ITEMS, ttl=1000, keys=["a", "b", "c", "d"])
        before = await stored(session)
        for position in (2, 3, 4):
            await session.redact(position)
        after = await stored(session)
        assert [one.row for one in after] == [one.row for one in before]
        assert [entry.tool for entry in await session.entries()] == [None, "look", "look", None]
        assert SECRET not in str(await session.get_items())
        await session.remove(4)
        await store.rotate(reencrypt=True)
        assert await stored(session) == after[:-1]
        await session.add_items(ITEMS, keys=["a", "b", "c", "d"])
        assert await stored(session) == after[:-1]


async def test_no_correction_without_the_right_key(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/sessions.db"
    async with open_store(url, encryption_key=generate_key()) as store:
        await store.session("s").add_items(ITEMS)
    async with open_store(url) as plain:
        for correcting in (plain.session("s").redact(1), plain.session("s").remove(1, force=True)):
            with pytest.raises(MissingKeyError):
                await correcting
    async with open_store(url, encryption_key=generate_key()) as other:
        for correcting in (other.session("s").redact(1), other.session("s").remove(1, force=True)):
            with pytest.raises(DecryptionError):
                await correcting


async def test_an_altered_entry_is_removed_only_if_forced(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/sessions.db"
    async with open_store(url, encryption_key=generate_key()) as store:
        session = store.session("s")
        await session.add_items(ITEMS)
        with closing(sqlite3.connect(tmp_path / "sessions.db")) as connection, connection:
            connection.execute("update agent_log_entries set author = 'eve' where kind = 'assistant'")
        for correcting in (session.redact(4), session.remove(4)):
            with pytest.raises(DecryptionError, match="position 4"):
                await correcting
        await session.remove(4, force=True)
        assert await session.get_items() == ITEMS[:3]


async def test_no_content_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    async with open_store(f"sqlite:///{tmp_path}/sessions.db") as store:
        session = store.session("s")
        await session.add_items(ITEMS)
        assert SECRET not in repr(await session.redact(4, {"role": "assistant", "content": SECRET + "!"}))
        assert SECRET not in repr(await session.remove(4))
    assert SECRET not in caplog.text

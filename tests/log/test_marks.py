"""Entries that no model is shown: what of them is believed, and who is told of what cannot be read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from sessions import EncryptedSession, SQLiteSession, SummaryError, UndecodableItemError, generate_key
from sessions.testing.compaction_model import joined, said, texts

if TYPE_CHECKING:
    from pathlib import Path

SOUND: dict[str, Any] = {
    "type": "summary", "first": 1, "last": 2, "items": [], "made_at": 0, "lifted": [], "waiting": []
}  # fmt: skip


async def _summarised(path: Path, payload: bytes) -> SQLiteSession:
    """A session of three items, of which two are summarised, by what somebody else has written."""
    session = SQLiteSession("s", path)
    await session.add_items([said("u1"), said("a1"), said("u2")])
    await session.compact(joined)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("update agent_log_entries set payload = ? where kind = '\x01summary'", (payload,))
    connection.close()
    return session


@pytest.mark.parametrize(
    "altered",
    [
        {"first": "1"},
        {"first": 0},
        {"last": None},
        {"last": 4},
        {"first": 2, "last": 1},
        {"items": 5},
        {"items": {}},
        {"items": "abc"},
        {"items": [1]},
        {"made_at": "now"},
        {"made_at": 1 << 70},
        {"lifted": 1},
        {"lifted": [1]},
        {"lifted": ["x"]},
        {"waiting": 1},
        {"waiting": [[]]},
        {"waiting": [[[1], []]]},
        {"waiting": [[[], [0]]]},
        {"waiting": [[[{}], ["0"]]]},
    ],
)
async def test_a_summary_that_nobody_can_have_made_is_unreadable(tmp_path: Path, altered: dict[str, Any]) -> None:
    payload = repr({**SOUND, **altered}).replace("'", '"').replace("None", "null").encode()
    session = await _summarised(tmp_path / "s.db", payload)
    assert texts(await session.get_items()) == "u1 a1 u2"
    assert await session.summaries() == []
    with pytest.raises(SummaryError):
        await session.undo_compaction()
    assert await session.pop_item() == said("u2")
    session.close()


async def test_a_summary_that_lacks_something_is_unreadable(tmp_path: Path) -> None:
    session = await _summarised(tmp_path / "s.db", b'{"type": "summary"}')
    assert texts(await session.get_items()) == "u1 a1 u2"
    session.close()


async def test_whoever_is_strict_is_told_of_what_they_ask_for(tmp_path: Path) -> None:
    """Fails without: log/context/view.py, `yield items` before what cannot be read is told."""
    session = SQLiteSession("s", tmp_path / "s.db", strict=True)
    await session.add_items([said("u1"), said("a1"), said("u2")])
    await session.handover("billing")
    with closing(sqlite3.connect(tmp_path / "s.db")) as connection, connection:
        connection.execute("update agent_log_entries set payload = x'00' where id & 0xfffffff = 2")
    connection.close()
    assert await session.get_items(1) == [said("u2")]
    with pytest.raises(UndecodableItemError, match="at positions 2 "):
        await session.get_items(2)
    session.close()


@pytest.mark.parametrize("first", ["handover", "pop_item"])
async def test_a_session_in_the_clear_is_encrypted_before_a_mark_is_added(tmp_path: Path, first: str) -> None:
    """Fails without: log/context/handover.py and log/pop.py, `ensure_encrypted(tx, locked)`."""
    plain = SQLiteSession("s", tmp_path / "s.db")
    await plain.add_items([said("u1"), said("a1"), said("u2")])
    await plain.compact(joined)
    encrypted = EncryptedSession("s", plain, generate_key(), None, allow_plain_text=True)
    if first == "handover":
        await encrypted.handover("billing")
    assert [await encrypted.pop_item() for _ in range(3)] == [said("u2"), said("u") | {"content": "[u1 a1]"}, None]
    await encrypted.undo_compaction()
    assert texts(await encrypted.get_items()) == "u1 a1"
    plain.close()


async def test_a_session_in_the_clear_is_encrypted_once_for_all_marks(tmp_path: Path) -> None:
    """Each handover is of a version of its own, and is put back by itself.

    Fails with: log/context/annotations.py, `ensure_encrypted(tx, locked)` in the loop of `put_back`, which makes
    other keys.
    """
    plain = SQLiteSession("s", tmp_path / "s.db")
    await plain.add_items([said("u1"), said("a1")])
    await plain.handover("billing")
    await plain.handover("sales")
    encrypted = EncryptedSession("s", plain, generate_key(), None, allow_plain_text=True)
    assert await encrypted.pop_item() == said("a1")
    assert [entry.item.get("to") for entry in await encrypted.entries()] == [None, "billing", "sales"]
    plain.close()

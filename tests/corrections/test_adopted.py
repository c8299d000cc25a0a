"""Corrections of a session that was adopted: the OpenAI Agents SDK's tables in the same database hold the text, too."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import agents
import pytest
from agents.extensions.memory import AdvancedSQLiteSession, EncryptedSession

from sessions import generate_key, open_store

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "whatnobodyshouldhavesaid"  # noqa: S105 - it is said
ITEMS: list[Any] = [
    {"role": "user", "content": "1"},
    {"role": "assistant", "content": SECRET},
    {"role": "user", "content": "3"},
    {"role": "assistant", "content": SECRET},
]


def _found(folder: Path) -> bool:
    return any(SECRET.encode() in file.read_bytes() for file in folder.iterdir())


@pytest.mark.parametrize("how", ["redact", "remove"])
async def test_the_sdks_messages_are_corrected_too(tmp_path: Path, how: str) -> None:
    path = tmp_path / "sessions.db"
    theirs = agents.SQLiteSession("s", path)
    await theirs.add_items(ITEMS)
    async with open_store(f"sqlite:///{path}") as store:
        ours = store.session("s")
        # Its first operation: it is adopted with it.
        receipt = await getattr(ours, how)(2)
        assert (receipt.entries, receipt.sdk_rows, receipt.pending) == (1, 2, ())
        receipt = await getattr(ours, how)(4)
        assert (receipt.entries, receipt.sdk_rows, receipt.pending) == (1, 0, ())
        assert not _found(tmp_path)
        left = [item["content"] for item in await theirs.get_items()]  # type: ignore[typeddict-item]
        assert left == (["1", "", "3", ""] if how == "redact" else ["1", "3"])
    theirs.close()


async def test_a_message_on_two_branches_is_one_item(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    theirs = AdvancedSQLiteSession(session_id="s", db_path=path, create_tables=True)
    await theirs.add_items(ITEMS[:3])
    with closing(sqlite3.connect(path)) as connection, connection:
        # A branch that has the second message behind another first one.
        connection.execute(
            "insert into agent_messages (session_id, message_data) values ('s', ?)", ['{"role": "user"}']
        )
        columns = (
            "session_id, message_id, branch_id, message_type, sequence_number, user_turn_number, branch_turn_number"
        )
        for message, sequence in ((4, 10), (2, 11)):
            connection.execute(
                f"insert into message_structure ({columns}) values ('s', ?, 'other', 'user', ?, 1, 1)",  # noqa: S608
                [message, sequence],
            )
    theirs.close()
    async with open_store(f"sqlite:///{path}") as store:
        ours = store.session("s")
        assert SECRET in str(await ours.on_branch("other").get_items())
        receipt = await ours.redact(2)
        assert (receipt.entries, receipt.sdk_rows, receipt.pending) == (2, 1, ())
        assert SECRET not in str(await ours.on_branch("other").get_items())
        assert not _found(tmp_path)


async def test_messages_that_the_sdk_encrypted_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    key = generate_key()
    plain = agents.SQLiteSession("s", path)
    theirs = EncryptedSession("s", plain, encryption_key=key)
    await theirs.add_items(ITEMS)
    async with open_store(f"sqlite:///{path}", encryption_key=key) as store:
        ours = store.session("s")
        receipt = await ours.redact(2)
        assert (receipt.entries, receipt.sdk_rows, receipt.pending) == (1, 2, ())
        assert [item["content"] for item in await ours.get_items()] == ["1", "", "3", SECRET]
        assert [item["content"] for item in await theirs.get_items()] == ["1", "3"]  # type: ignore[typeddict-item]
    plain.close()


async def test_messages_that_nobody_here_can_read_are_pending(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    key = generate_key()
    async with open_store(f"sqlite:///{path}", encryption_key=key) as store:
        ours = store.session("s")
        await ours.add_items(ITEMS)
        plain = agents.SQLiteSession("s", path)
        await EncryptedSession("s", plain, encryption_key=generate_key()).add_items(ITEMS[:1])
        (pending,) = (await ours.redact(2)).pending
        assert "agent_messages still has 1 rows" in pending
        plain.close()

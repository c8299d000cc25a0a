"""How much of a long session is read for a window, and what of it cannot be."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from sessions import SQLiteSession, UndecodableItemError, Window
from sessions.codecs.json import JSONCodec

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

USER = {"role": "user", "content": "?"}
ANSWER = {"role": "assistant", "content": "!"}


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The payloads that were decoded."""
    found: list[bytes] = []
    decode_all = JSONCodec.decode_all

    def noting(codec: JSONCodec, payloads: Iterable[bytes]) -> list[Any]:
        payloads = list(payloads)
        found.extend(payloads)
        return decode_all(codec, payloads)

    monkeypatch.setattr(JSONCodec, "decode_all", noting)
    return found


async def test_a_window_of_a_long_session_reads_little_of_it(tmp_path: Path, decoded: list[bytes]) -> None:
    with closing(SQLiteSession("long", tmp_path / "long.db", session_settings={"window": Window(items=20)})) as session:
        await session.add_items([USER, ANSWER] * 50_000)

        assert len(await session.get_items()) == 20
        assert len(decoded) <= 50
        decoded.clear()
        assert len(await session.window(turns=100)) == 200
        assert len(decoded) <= 250


async def test_of_a_long_turn_little_is_read_but_its_message(tmp_path: Path, decoded: list[bytes]) -> None:
    with closing(SQLiteSession("long", tmp_path / "long.db")) as session:
        await session.add_items([USER, ANSWER, USER, *[ANSWER] * 100_000])

        assert await session.window(items=20) == [USER, *[ANSWER] * 19]
        assert len(decoded) <= 51


async def test_before_the_first_message_of_a_user_there_is_no_window(tmp_path: Path) -> None:
    with closing(SQLiteSession("greeting", tmp_path / "greeting.db")) as session:
        await session.add_items([ANSWER] * 100)

        assert await session.window() == []
        assert await session.window(items=20) == []


async def test_what_cannot_be_read_is_reported_and_what_belongs_to_it_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "damaged.db"
    call = {"role": "assistant", "tool_calls": [{"id": "c", "function": {}}]}
    with closing(SQLiteSession("damaged", path)) as session:
        await session.add_items([USER, call, {"role": "tool", "tool_call_id": "c", "content": "."}, ANSWER, USER])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("update agent_log_entries set payload = x'00' where id & 268435455 = 3")

    with closing(SQLiteSession("damaged", path)) as session, caplog.at_level(logging.WARNING):
        assert await session.window() == [USER, ANSWER, USER]
        assert "positions 3 cannot be read" in caplog.text
        assert [damage.kind for damage in (await session.repair()).damages] == ["open_call"]
    with closing(SQLiteSession("damaged", path, strict=True)) as strict:
        for operation in (strict.window(), strict.repair(), strict.repair(apply=True)):
            with pytest.raises(UndecodableItemError, match="positions 3 cannot be read"):
                await operation


async def test_what_is_repaired_keeps_its_times(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    with closing(SQLiteSession("sessions", path)) as session:
        await session.add_items([USER, ANSWER, USER, call])
        await session.add_items([USER])
        before = await session.turns()
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("update agent_log_entries set expires_at = ? where id & 268435455 >= 4", [1 << 61])
        await session.repair(apply=True)
        assert [turn.created_at for turn in await session.turns()] == [turn.created_at for turn in before]
        assert [use.unanswered for use in await session.usage.tools()] == [1]  # A placeholder is no answer.
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "select id & 268435455, expires_at from agent_log_entries"
            " where id >> 28 = (select max(id >> 28) from agent_log_entries)"
        )
        assert rows.fetchall() == [(5, 1 << 61), (6, 1 << 61)]

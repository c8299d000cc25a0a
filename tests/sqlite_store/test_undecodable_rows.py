"""A stored item that cannot be read is reported each time, and never removed or stepped over in silence."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from sessions import SQLiteSession, UndecodableItemError, open_store

from .inside import user

if TYPE_CHECKING:
    from pathlib import Path

ITEMS = [user("a"), user("b"), user("c"), user("d")]
CANARY = b"canary-9e1d"


async def spoiled(path: Path, *positions: int) -> None:
    session = SQLiteSession("s", path)
    await session.add_items(ITEMS)
    session.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "update agent_log_entries set payload = ? where id & 268435455 = ?", [(CANARY, p) for p in positions]
        )


def count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("select count(*) from agent_log_entries").fetchone()[0])


async def test_left_out_and_reported(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    await spoiled(path, 2, 4)
    session = SQLiteSession("s", path)

    for limit, items in ((None, [ITEMS[0], ITEMS[2]]), (1, [ITEMS[2]]), (2, [ITEMS[0], ITEMS[2]])):
        caplog.clear()
        assert await session.get_items(limit) == items
        [record] = caplog.records
        assert (record.name, record.levelno) == ("sessions", logging.WARNING)
        assert record.getMessage().startswith("session 's': the stored items at positions ")
        assert "4 cannot be read and are skipped" in record.getMessage()
        assert CANARY.decode() not in record.getMessage()
    session.close()


async def test_pop_takes_the_last_that_can_be_read(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    await spoiled(path, 2, 4)
    session = SQLiteSession("s", path)

    assert [await session.pop_item() for _ in range(3)] == [ITEMS[2], ITEMS[0], None]

    assert [record.getMessage().partition("positions ")[2][:4] for record in caplog.records] == ["4 ca", "2, 4", "2, 4"]
    assert count(path) == 2
    session.close()


# Fails without: handle.py, `if self.strict:` (in `report`)
@pytest.mark.parametrize("kind", ["session", "store"])
async def test_strict(path: Path, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    await spoiled(path, 2, 4)
    store = open_store(f"sqlite:///{path}")
    session = SQLiteSession("s", path, strict=True) if kind == "session" else store.session("s", strict=True)

    with pytest.raises(UndecodableItemError, match=r"session 's': the stored items at positions 2, 4 cannot be read"):
        await session.get_items()
    for _ in range(2):
        with pytest.raises(UndecodableItemError, match=r"positions 4 cannot be read\. Nothing was changed"):
            await session.pop_item()
    assert count(path) == 4
    assert caplog.records == []

    await session.add_items([user("e")])
    assert await session.get_items(limit=1) == [user("e")], "what is not asked for need not be read"
    assert await session.pop_item() == user("e")
    await session.clear_session()
    assert await session.get_items() == []
    await store.close()
    if isinstance(session, SQLiteSession):
        session.close()

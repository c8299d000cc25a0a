"""The format in which an entry is stored stays with it when its row is written again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from sessions import SQLiteSession

if TYPE_CHECKING:
    from pathlib import Path

_ITEMS: list[dict[str, Any]] = [
    {"role": "user", "content": "first"},
    {"type": "function_call", "call_id": "1", "name": "look", "arguments": "{}"},
    {"role": "user", "content": "second"},
]


async def test_an_item_that_a_repair_moves_keeps_its_format(tmp_path: Path) -> None:
    """Fails without: log/context/repair.py, `row.format`; log/core/extend.py, `entry.format`."""
    path = tmp_path / "s.db"
    session = SQLiteSession("s", path)
    await session.add_items(_ITEMS)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("update agent_log_entries set format = 'later' where cast(payload as text) like '%second%'")
    await session.repair(apply=True)
    assert [item.get("content") for item in await session.get_items()][-1] == "second"
    assert len(await session.get_items()) == 4
    with closing(sqlite3.connect(path)) as connection:
        query = "select distinct format from agent_log_entries where cast(payload as text) like '%second%'"
        assert connection.execute(query).fetchall() == [("later",)]
    session.close()

"""A SQLite file that was damaged from outside is told of, page by page, and the rest is checked.

Fails without: `FileCheck` in db/verify_schema.py; `skip` in log/verify/entries.py.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from sessions import NotADatabaseError, open_store
from sessions.testing.planting import fill, user

if TYPE_CHECKING:
    from pathlib import Path

    from sessions import Finding


async def _made(path: Path) -> None:
    async with open_store(f"sqlite:///{path}") as store:
        await fill(store)
        await store.session("long").add_items([user("x" * 900)] * 400)


async def _found(path: Path) -> list[Finding]:
    async with open_store(f"sqlite:///{path}") as store:
        return [finding async for finding in store.verify()]


def _pages(path: Path, table: str) -> tuple[list[int], int]:
    """Return the pages of a table or an index, and their size."""
    with closing(sqlite3.connect(path)) as connection:
        (size,) = connection.execute("pragma page_size").fetchone()
        (root,) = connection.execute("select rootpage from sqlite_master where name = ?", [table]).fetchone()
    content = path.read_bytes()
    start = (root - 1) * size
    inner = content[start] == 5
    cells = int.from_bytes(content[start + 3 : start + 5], "big")
    if not inner:
        return [root], size
    pointers = [
        start + int.from_bytes(content[at : at + 2], "big") for at in range(start + 12, start + 12 + 2 * cells, 2)
    ]
    return [int.from_bytes(content[at : at + 4], "big") for at in pointers], size


async def test_a_zeroed_page_of_entries(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    await _made(path)
    pages, size = _pages(path, "agent_log_entries")
    content = bytearray(path.read_bytes())
    start = (pages[len(pages) // 2] - 1) * size
    content[start : start + size] = bytes(size)
    path.write_bytes(content)
    found = await _found(path)
    codes = {finding.code for finding in found}
    assert "file-damaged" in codes
    assert codes & {"unreadable", "entry-missing"}


async def test_an_index_that_lacks_a_row(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    await _made(path)
    index = "agent_log_sessions_by_activity"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        row = connection.execute("select * from sqlite_master where name = ?", [index]).fetchone()
        # Hidden from SQLite while a row changes, and put back as it was.
        connection.execute("pragma writable_schema = on")
        connection.execute("delete from sqlite_master where name = ?", [index])
        connection.execute("pragma writable_schema = reset")
        connection.execute("update agent_log_sessions set archived = 1 where session_id = 'long'")
        connection.execute("pragma writable_schema = on")
        connection.execute("insert into sqlite_master values (?, ?, ?, ?, ?)", row)
    found = await _found(path)
    assert {(finding.code, finding.place) for finding in found} == {("file-damaged", "table agent_log_sessions")}


async def test_another_programs_table_is_checked_too(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    await _made(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table theirs (a text)")
        connection.executemany("insert into theirs values (?)", [("x" * 900,)] * 100)
        connection.commit()
        connection.execute("pragma wal_checkpoint(truncate)")
    pages, size = _pages(path, "theirs")
    content = bytearray(path.read_bytes())
    content[(pages[0] - 1) * size : pages[0] * size] = b"\xff" * size
    path.write_bytes(content)
    found = await _found(path)
    assert {(finding.code, finding.place) for finding in found} == {("file-damaged", "table theirs")}


async def test_a_file_that_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    await _made(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    try:
        found = await _found(path)
    except NotADatabaseError:
        return
    assert {"file-damaged", "unreadable"} & {finding.code for finding in found}


async def test_a_file_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(NotADatabaseError):
        await _found(path)

"""Paths at which there is no database."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import sqlite3
from typing import TYPE_CHECKING

import pytest

from sessions import NotADatabaseError, SQLiteSession, StoreError

if TYPE_CHECKING:
    from pathlib import Path

_CONTENTS = {
    "text": b"Dear diary,\nthis is no database.\n" * 100,
    "two letters": b"no",
    "random bytes": random.Random(1).randbytes(20_000),  # noqa: S311
    "a database's first words only": b"SQLite format 3\0" + b"nonsense" * 1000,
}


@pytest.mark.parametrize("content", _CONTENTS.values(), ids=_CONTENTS)
async def test_a_file_that_is_no_database(path: Path, content: bytes) -> None:
    """Fails without: db/sqlite/errors.py, the line of `SQLITE_NOTADB`."""
    path.write_bytes(content)

    await _is_refused(path, NotADatabaseError)

    assert path.read_bytes() == content


@pytest.mark.parametrize("kept", [0.02, 0.1, 0.5, 0.9])
async def test_a_truncated_database(path: Path, kept: float) -> None:
    """Fails without: db/sqlite/errors.py, the line of `SQLITE_CORRUPT`."""
    session = SQLiteSession("conversation", path)
    for number in range(50):
        await session.add_items([{"n": number, "text": "x" * 1000}])
    session.close()
    content = path.read_bytes()
    content = content[: int(len(content) * kept)]
    path.write_bytes(content)

    await _is_refused(path, NotADatabaseError)

    assert path.read_bytes() == content


async def test_a_database_with_damage_in_the_middle(path: Path) -> None:
    """What cannot be read is an error, never an empty conversation; what is not damaged is not hidden by it.

    Fails without: db/sqlite/errors.py, the line of `SQLITE_CORRUPT`.
    """
    session = SQLiteSession("conversation", path)
    await session.add_items([{"n": number, "text": "x" * 1000} for number in range(500)])
    session.close()
    content = bytearray(path.read_bytes())
    page = _root_page(path, "agent_log_entries")
    content[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
    path.write_bytes(content)

    await _is_refused(path, NotADatabaseError)


async def test_a_folder(path: Path) -> None:
    """Fails without: db/sqlite/errors.py, the line of `SQLITE_CANTOPEN`."""
    path.mkdir()

    await _is_refused(path, StoreError, "cannot be opened")

    assert list(path.iterdir()) == []


async def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    """Fails without: db/sqlite/registry.py, `except OSError` in `_create`."""
    await _is_refused(tmp_path / "missing" / "conversations.db", StoreError, "cannot be created")

    assert not (tmp_path / "missing").exists()


async def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    """Fails without: db/sqlite/opening.py, `except OSError` in `identify`."""
    (tmp_path / "file").write_text("kept")

    await _is_refused(tmp_path / "file" / "conversations.db", StoreError, "cannot be opened")

    assert (tmp_path / "file").read_text() == "kept"


async def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    """Fails without: db/sqlite/opening.py, `except OSError` in `identify`."""
    await _is_refused(tmp_path / ("x" * 300), StoreError, "cannot be opened")


async def test_a_folder_that_is_made_later(tmp_path: Path) -> None:
    """An error is not remembered.

    Fails without: db/sqlite/opening.py, `except FileNotFoundError` in `identify`.
    """
    session = SQLiteSession("conversation", tmp_path / "later" / "conversations.db")
    with pytest.raises(StoreError):
        await session.add_items([{"n": 1}])
    (tmp_path / "later").mkdir()

    await session.add_items([{"n": 2}])

    assert await session.get_items() == [{"n": 2}]


async def _is_refused(path: Path, error: type[StoreError], says: str = "") -> None:
    """See every operation refused with exactly this error, more than once."""
    session = SQLiteSession("conversation", path, busy_timeout=1)
    for _ in range(2):
        for operation in (session.get_items, session.pop_item, session.clear_session):
            with pytest.raises(StoreError, match=f"^session 'conversation': {re.escape(str(path))} {says}") as caught:
                await operation()
            assert type(caught.value) is error
    refused = await asyncio.gather(*(session.add_items([{"n": n}]) for n in range(3)), return_exceptions=True)
    assert [type(each) for each in refused] == [error] * 3
    session.close()


def _root_page(path: Path, table: str) -> int:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("select rootpage from sqlite_master where name = ?", (table,)).fetchone()
    return int(page)

"""Files and folders that may only be read.

Permissions do not bind root, so programs here become somebody else first.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sessions import SQLiteSession

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Start

_TRIES_AS_NOBODY = """
    import sqlite3
    from sessions import StoreError
    asyncio.run(asyncio.sleep(0))  # Whatever the standard library imports late must be imported before.
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)

    def outcome(operation):
        try:
            return asyncio.run(operation)
        except StoreError as error:
            assert "session 'conversation'" in str(error) and path in str(error), error
            return f"{type(error).__name__}: {error}"

    session = SQLiteSession("conversation", path, busy_timeout=1)
    say(outcome(session.get_items()))
    say(outcome(session.add_items([{"n": "refused"}])))
    say(outcome(session.pop_item()))
    say(outcome(session.clear_session()))
    say(outcome(session.get_items()))
"""
_ITEMS = [{"n": 1}, {"n": 2}]
_WRITES = slice(1, 4)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that others may enter, unlike those pytest makes."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture
def session(folder: Path) -> SQLiteSession:
    """A session that has been written and let go."""
    session = SQLiteSession("conversation", folder / "conversations.db")
    asyncio.run(session.add_items(_ITEMS))
    asyncio.run(session.aclose())
    return SQLiteSession("conversation", folder / "conversations.db")


def test_a_read_only_file_is_read(folder: Path, session: SQLiteSession, start: Start) -> None:
    """Fails without: db/sqlite/errors.py, the line of `SQLITE_READONLY`."""
    (folder / "conversations.db").chmod(0o444)
    folder.chmod(0o777)

    said = _try(folder, start)

    assert said[0] == said[-1] == str(_ITEMS)
    assert all(
        each.startswith("StoreReadOnlyError: ") and "cannot be written by this user" in each for each in said[_WRITES]
    )
    assert asyncio.run(session.get_items()) == _ITEMS


def test_a_read_only_folder_is_read_while_somebody_else_has_it_open(
    folder: Path, session: SQLiteSession, start: Start
) -> None:
    """Fails without: db/sqlite/write_lock.py, `except OSError` in `_open`."""
    asyncio.run(session.add_items([{"n": 3}]))
    (folder / "conversations.db-lock").unlink()
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)

    said = _try(folder, start)

    assert said[0] == said[-1] == str([*_ITEMS, {"n": 3}])
    assert all(each.startswith("StoreReadOnlyError: ") for each in said[_WRITES])
    assert asyncio.run(session.get_items()) == [*_ITEMS, {"n": 3}]


def test_a_read_only_folder_that_nobody_has_open(folder: Path, session: SQLiteSession, start: Start) -> None:
    """SQLite cannot read a file in WAL mode without its two companions, and they cannot be made there.

    Fails without: db/sqlite/errors.py, the line of `SQLITE_READONLY`.
    """
    before = (folder / "conversations.db").read_bytes()
    (folder / "conversations.db").chmod(0o444)
    folder.chmod(0o555)

    said = _try(folder, start)

    assert all(
        each.startswith("StoreReadOnlyError: ") and "permissions of the file and its folder" in each for each in said
    )
    assert (folder / "conversations.db").read_bytes() == before
    folder.chmod(0o755)
    assert asyncio.run(session.get_items()) == _ITEMS


def test_a_read_only_folder_without_a_file(folder: Path, start: Start) -> None:
    """Fails without: db/sqlite/registry.py, `except OSError` in `_create`."""
    folder.chmod(0o555)

    said = _try(folder, start)

    assert all("cannot be created: Permission denied" in each for each in said)
    assert list(folder.iterdir()) == []


def test_a_file_that_may_not_be_read_at_all(folder: Path, session: SQLiteSession, start: Start) -> None:
    """Fails without: db/sqlite/errors.py, the line of `SQLITE_CANTOPEN`."""
    (folder / "conversations.db").chmod(0 if os.getuid() else 0o600)

    said = _try(folder, start)

    assert all(each.startswith("StoreError: ") and "cannot be opened" in each for each in said)
    (folder / "conversations.db").chmod(0o644)
    assert asyncio.run(session.get_items()) == _ITEMS


def _try(folder: Path, start: Start) -> list[str]:
    """Return what somebody else gets of `get_items`, the three ways to write, and `get_items` again."""
    return start(_TRIES_AS_NOBODY, folder / "conversations.db").finish()

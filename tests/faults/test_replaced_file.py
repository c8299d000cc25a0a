"""A file that is deleted, renamed or replaced under a live session object, or goes by two names."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING

import pytest

from sessions import SQLiteSession

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Start

_AFFIXES = ("", "-wal", "-shm", "-lock")


def _delete(path: Path) -> None:
    for affix in _AFFIXES:
        path.with_name(path.name + affix).unlink(missing_ok=True)


def _check(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]


async def test_a_deleted_file_is_made_again(path: Path) -> None:
    """Fails without: db/sqlite/database.py, `self._check_file()` in `_do_writes` and `_do_reads`."""
    session = SQLiteSession("conversation", path)
    for life in range(5):
        await session.add_items([{"life": life}])
        assert await session.get_items() == [{"life": life}]
        _delete(path)
        if life % 2:
            assert await session.get_items() == []
            assert await session.pop_item() is None

    await session.add_items([{"n": "last"}])
    session.close()
    assert await SQLiteSession("conversation", path).get_items() == [{"n": "last"}]
    _check(path)


async def test_only_the_file_itself_is_deleted(path: Path) -> None:
    """Its companions stay, with what was not yet moved from them; none of it may show up in the new file.

    Fails without: db/sqlite/database.py, `self._check_file()` in `_do_writes` and `_do_reads`.
    """
    session = SQLiteSession("conversation", path)
    for number in range(10):
        await session.add_items([{"n": number}])
    path.unlink()

    await session.add_items([{"n": "new"}])

    assert await session.get_items() == [{"n": "new"}]
    session.close()
    _check(path)


@pytest.mark.parametrize("remembered", ["by who wrote", "by who read"])
async def test_a_renamed_file_keeps_what_was_acknowledged(path: Path, start: Start, remembered: str) -> None:
    """Most of it is in the WAL, which keeps the old name.

    Fails without: db/sqlite/registry.py, `database.checkpoint()` in `retire`; by who read also without
    db/sqlite/database.py, `for thread in self._threads()` in `checkpoint` (the writer's only).
    """
    if remembered == "by who wrote":
        session = SQLiteSession("conversation", path)
        await session.add_items([{"n": 1}, {"n": 2}])
    else:
        writer = start('add(SQLiteSession("conversation", path), {"n": 1}, {"n": 2}); say("done"); heard()', path)
        writer.expect("done")
        session = SQLiteSession("conversation", path)
        assert len(await session.get_items()) == 2
        writer.kill()
    renamed = path.with_name("renamed.db")
    path.rename(renamed)

    await session.add_items([{"n": "new"}])

    assert await session.get_items() == [{"n": "new"}]
    assert await SQLiteSession("conversation", renamed).get_items() == [{"n": 1}, {"n": 2}]
    session.close()
    _check(path)
    _check(renamed)


async def test_a_backup_moved_into_the_place_of_a_live_file(path: Path) -> None:
    """What was added after the backup is gone with the old file; its WAL must not be applied to the new one.

    Fails without: db/sqlite/registry.py, `database.checkpoint()` in `retire`.
    """
    session = SQLiteSession("conversation", path)
    await session.add_items([{"n": number} for number in range(5)])
    with contextlib.closing(sqlite3.connect(path)) as live, contextlib.closing(sqlite3.connect(f"{path}.backup")) as to:
        live.backup(to)
    for number in range(50):
        await session.add_items([{"n": "lost", "text": "x" * number * 100}])
    os.replace(f"{path}.backup", path)  # noqa: PTH105

    assert await session.get_items() == [{"n": number} for number in range(5)]
    await session.add_items([{"n": 5}])
    assert await session.get_items() == [{"n": number} for number in range(6)]
    session.close()
    _check(path)


async def test_it_is_replaced_while_many_tasks_use_it(path: Path) -> None:
    """Each append goes to the one file or the other, wholly; none fails.

    Fails without: db/sqlite/backend.py, `except ClosedError` in `write` and `read`.
    """
    acknowledged: set[str] = set()
    kept = [path.with_name(f"kept-{number}.db") for number in range(5)]

    async def append(task: int) -> None:
        for number in range(40):
            session = SQLiteSession("conversation", path)
            await session.add_items([{"n": f"{task}.{number}"}, {"n": f"{task}.{number}"}])
            acknowledged.add(f"{task}.{number}")
            await session.get_items(1)

    async def replace() -> None:
        for number, target in enumerate(kept):
            while len(acknowledged) < 50 * (number + 1):
                await asyncio.sleep(0.001)
            path.rename(target)

    await asyncio.gather(replace(), *map(append, range(8)))

    found: list[str] = []
    for file in (path, *kept):
        items = await SQLiteSession("conversation", file).get_items()
        assert [item["n"] for item in items[::2]] == [item["n"] for item in items[1::2]]
        found += [item["n"] for item in items[::2]]
        _check(file)
    assert sorted(found) == sorted(acknowledged)


async def test_two_names_of_one_file(path: Path) -> None:
    """SQLite follows links itself, so that both names have one WAL; each has connections of its own.

    Fails without: log/statements/extend.py, `set tip = tip + :count` in ADVANCE_TIP (a count of 1).
    """
    (path.parent / "folder").mkdir()
    link = path.parent / "folder" / "link.db"
    link.symlink_to(path)
    one, other = SQLiteSession("conversation", path), SQLiteSession("conversation", link)

    await asyncio.gather(*((one, other)[n % 2].add_items([{"n": n}, {"n": n}]) for n in range(40)))

    found = [item["n"] for item in await one.get_items()]
    assert found == [item["n"] for item in await other.get_items()]
    assert found[::2] == found[1::2]
    assert sorted(found[::2]) == list(range(40))
    one.close()
    await other.add_items([{"n": "after"}])
    other.close()
    assert (await SQLiteSession("conversation", path).get_items())[-1] == {"n": "after"}
    _check(path)

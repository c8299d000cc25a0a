"""Files that know more, or less, than this version of the package."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from sessions import SchemaVersionError, SQLiteSession, StoreError
from sessions.db.migrations import applied_numbers
from sessions.log.schema import LOG

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Start


async def test_a_file_of_a_newer_version_is_left_alone(path: Path) -> None:
    """Fails without: db/migrations.py, `> schema.number` in `is_current`."""
    session = SQLiteSession("conversation", path)
    await session.add_items([{"n": 1}])
    await session.aclose()
    (number,) = _execute(path, "select max(number) from agent_log_schema where component = 'log'")[0]
    _execute(path, f"insert into agent_log_schema values ('log', {number + 1}, 0)")  # noqa: S608
    before = _dump(path)

    for operation in (_session(path).get_items, _session(path).pop_item, _session(path).clear_session):
        with pytest.raises(SchemaVersionError, match=f"^session 'conversation': {re.escape(str(path))} .*Upgrade"):
            await operation()
    with pytest.raises(SchemaVersionError):
        await _session(path).add_items([{"n": 2}])

    assert _dump(path) == before
    _execute(path, f"delete from agent_log_schema where number = {number + 1}")  # noqa: S608
    assert await _session(path).get_items() == [{"n": 1}]


async def test_a_file_without_a_migration_is_upgraded(path: Path) -> None:
    """What was cut short before its first migration leaves an empty table of migrations.

    Fails without: db/migrations.py, `return all(…)` (as True).
    """
    columns = "component text not null, number integer not null, applied_at integer not null"
    _execute(path, f"create table agent_log_schema ({columns}, primary key (component, number)) strict, without rowid")

    await _session(path).add_items([{"n": 1}])

    assert await _session(path).get_items() == [{"n": 1}]
    assert _execute(path, "select count(*) from agent_log_schema") != [(0,)]


async def test_a_file_from_before_components_is_left_alone(path: Path) -> None:
    """To the last byte, but for the journal mode that every file of ours has.

    Fails without: db/migrations.py, `"component" not in older`.
    """
    _execute(path, "pragma journal_mode = wal")
    _execute(path, "create table agent_log_schema (number integer primary key, applied_at integer not null) strict")
    _execute(path, "insert into agent_log_schema values (8, 0)")
    before = path.read_bytes()
    for operation in (_session(path).get_items, _session(path).clear_session):
        with pytest.raises(SchemaVersionError, match=f"^session 'conversation': .*{re.escape(str(path))}, .*24a519a"):
            await operation()
    assert path.read_bytes() == before


async def test_an_upgrade_that_fails_changes_nothing(path: Path) -> None:
    """A table of ours is there already, made by somebody else; all that was made before it is taken back.

    Fails without: db/sqlite/group_commit.py, `begin immediate` in `_write_alone`.
    """
    _execute(path, "create table agent_log_entries (theirs)")

    for _ in range(2):
        with pytest.raises(StoreError, match=r"session 'conversation': .*already exists"):
            await _session(path).add_items([{"n": 1}])

    assert _execute(path, "select name from sqlite_master where type = 'table'") == [("agent_log_entries",)]


def test_twenty_processes_open_one_new_file(path: Path, start: Start) -> None:
    """Fails without: db/migrations.py, `_applied(tx)` in `migrate`, which asks again under the lock."""
    programs = [
        start(
            """
            session = SQLiteSession("conversation", path, busy_timeout=60)
            say("ready")
            heard()
            add(session, {"n": int(sys.argv[2])})
            """,
            path,
            number,
        )
        for number in range(20)
    ]
    for program in programs:
        program.expect("ready")
    for program in programs:
        program.say()
    for program in programs:
        program.finish()

    found = asyncio.run(_session(path).get_items())
    assert sorted(item["n"] for item in found) == list(range(20))
    assert _execute(path, "select count(*) from agent_log_schema") == [(len(applied_numbers((LOG,))),)]


def _session(path: Path) -> SQLiteSession:
    return SQLiteSession("conversation", path)


def _execute(path: Path, statement: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement).fetchall()


def _dump(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())

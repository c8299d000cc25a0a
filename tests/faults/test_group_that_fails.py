"""A group of appends whose transaction fails as a whole, at moments that only a faulty connection can choose."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

from sessions import SQLiteSession, StoreBusyError, StoreError
from sessions.db.sqlite.opening import Opening

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


class _Faulty:
    """A connection that fails once at each of `faults`: the statement and its number among the equal ones."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.faults: dict[tuple[str, int], int] = {}
        self.seen: dict[str, int] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: str, *parameters: Any) -> sqlite3.Cursor:
        number = self.seen[statement] = self.seen.get(statement, 0) + 1
        code = self.faults.get((statement, number))
        if code is not None:
            error = sqlite3.OperationalError("injected")
            error.sqlite_errorcode = code
            raise error
        return self._connection.execute(statement, *parameters)


async def _append_together(
    path: Path, monkeypatch: pytest.MonkeyPatch, faults: dict[tuple[str, int], int]
) -> tuple[list[object], list[object]]:
    """Make four appends at once, on a connection with these faults; return their outcomes and what is stored."""
    connections: list[_Faulty] = []
    open_writer = Opening.writer

    def writer(opening: Opening) -> _Faulty:
        connections.append(_Faulty(open_writer(opening)))
        return connections[-1]

    monkeypatch.setattr(Opening, "writer", writer)
    session = SQLiteSession("conversation", path)
    await session.add_items([{"n": "before"}])
    [connection] = connections
    connection.seen, connection.faults = {}, faults
    # The thread is kept busy until all four wait, so that they are one group.
    database, busy = session._sqlite.database("test"), threading.Event()
    database._writing.post(busy.wait)
    appends = asyncio.gather(*(session.add_items([{"n": n}]) for n in range(4)), return_exceptions=True)
    while len(database._writer._jobs._waiting) < 4:
        await asyncio.sleep(0)
    busy.set()
    outcomes = await appends
    found = [item["n"] for item in await session.get_items()]
    session.close()
    return list(outcomes), found


async def test_an_append_is_refused_or_stored_but_not_both(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit of four fails, also with savepoints, so they are done one by one; the second of those cannot begin.

    Fails without: db/sqlite/group_commit.py, `begin immediate` inside the `try` of `_write_alone` (before it, all four
    are refused, and the first is stored).
    """
    faults = {
        ("commit", 1): sqlite3.SQLITE_IOERR,
        ("commit", 2): sqlite3.SQLITE_IOERR,
        ("begin immediate", 4): sqlite3.SQLITE_BUSY,
    }
    outcomes, found = await _append_together(path, monkeypatch, faults)

    assert [type(outcome) for outcome in outcomes] == [type(None), StoreBusyError, type(None), type(None)]
    assert found == ["before", 0, 2, 3]


async def test_a_transaction_that_cannot_begin_refuses_all(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails without: db/sqlite/database.py, `_fail(jobs, error)` in `_do_writes`."""
    outcomes, found = await _append_together(path, monkeypatch, {("begin immediate", 1): sqlite3.SQLITE_IOERR})

    assert [type(outcome) for outcome in outcomes] == [StoreError] * 4
    assert found == ["before"]


async def test_a_savepoint_that_fails_refuses_nobody_else(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails without: db/sqlite/group_commit.py, `_roll_back(connection)` in `_write_with_savepoints`."""
    faults = {("commit", 1): sqlite3.SQLITE_IOERR, ("savepoint job", 3): sqlite3.SQLITE_IOERR}
    outcomes, found = await _append_together(path, monkeypatch, faults)

    assert outcomes == [None] * 4
    assert found == ["before", 0, 1, 2, 3]

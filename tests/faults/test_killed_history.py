"""A process is killed in the middle of undo, redo, forks, choices and records of usage; or the file is full then."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import random
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import pytest

from sessions import SQLiteSession, StoreFullError

from . import playing
from .playing import play_one, state, turn

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Start

_LIVES = 16

_PLAYS_AND_SAYS_SO = (
    inspect.getsource(playing)
    + """
async def play(life, statements):
    session, chance = SQLiteSession(f"life {life}", path), random.Random(life)
    await session.version()  # The tables are made before anything is counted.
    die_before(statements)
    for number in range(1_000_000):
        await play_one(session, chance, number)
        say(number)

asyncio.run(play(*map(int, sys.argv[2:])))
"""
)


@pytest.mark.parametrize("dies", ["in the middle of a transaction", "at any moment"])
def test_kill_9_leaves_what_was_before_or_after_an_operation(path: Path, start: Start, dies: str) -> None:
    """Each life has a session of its own. It is killed before a statement, or at a moment that is nobody's choice.

    Fails without: db/sqlite/group_commit.py, `begin immediate` and `commit` in `_write_alone` (each statement commits
    itself).
    """
    for life in range(_LIVES):
        if dies == "at any moment":
            program = start(_PLAYS_AND_SAYS_SO, path, life, 1_000_000)
            heard = [program.hear() for _ in range(15 + 7 * life)]
            assert "" not in heard, program.errors()
            time.sleep(random.uniform(0, 0.01))  # noqa: S311
        else:
            program = start(_PLAYS_AND_SAYS_SO, path, life, 50 + 29 * life)
            heard = list(iter(program.hear, ""))
        acknowledged = len(heard + program.kill())
        assert acknowledged, program.errors()
        asyncio.run(_check(path, life, acknowledged))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]


async def _check(path: Path, life: int, acknowledged: int) -> None:
    """See that as many operations were done as were acknowledged, or one more; and that the next ones work."""
    session, expected = SQLiteSession(f"life {life}", path), SQLiteSession(f"life {life}", path.with_name("expected"))
    found = await state(session)
    assert unreachable(path, f"life {life}") == set()
    chance = random.Random(life)  # noqa: S311
    for number in range(acknowledged):
        await play_one(expected, chance, number)
    done = acknowledged
    if found != await state(expected):
        await play_one(expected, chance, done)
        assert found == await state(expected)
        done += 1
    going_on = random.Random()  # noqa: S311
    for number in range(done, done + 20):
        going_on.setstate(chance.getstate())
        await play_one(expected, chance, number)
        await play_one(session, going_on, number)
    assert await state(session) == await state(expected)
    assert unreachable(path, f"life {life}") == set()


def unreachable(path: Path, session_id: str) -> set[int]:
    """Return the entries of a session to which no tip leads, by another way than the log's."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        of = "where session = (select id from agent_log_sessions where session_id = ?)"
        segments = {
            segment: (parent, low)
            for segment, parent, low in connection.execute(
                f"select id, parent, fork_position from agent_log_segments {of}",  # noqa: S608
                [session_id],
            )
        }
        stored = {id_ for (id_,) in connection.execute("select id from agent_log_entries") if id_ >> 28 in segments}
        for at, high in connection.execute(f"select segment, tip from agent_log_branches {of}", [session_id]):  # noqa: S608
            while at in segments:
                parent, low = segments[at]
                stored -= set(range((at << 28) + low + 1, (at << 28) + high + 1))
                at, high = parent, min(high, low)  # noqa: PLW2901
        return stored


async def test_a_full_file_refuses_whole_operations_which_work_when_there_is_room(path: Path) -> None:
    """Until the file may grow again, each operation has room enough, or is refused and has changed nothing.

    Fails without: db/sqlite/errors.py, the line of `SQLITE_FULL`.
    """
    session = SQLiteSession("conversation", path)
    for number in range(3):
        await session.add_items(turn(number, 2))
    refused: set[str] = set()
    for number in range(60):
        await _limit(session, 0)
        before = await state(session)
        operation = ("create", "record", "undo", "choose")[number % 4]
        full = None
        try:
            await _do(session, operation, number)
        except StoreFullError as error:
            full = str(error)
        if full:
            refused.add(operation)
            assert "Nothing was changed" in full
            assert await state(session) == before
            await _limit(session, 1000)
            await _do(session, operation, number)
        await _limit(session, 1000)
        assert await state(session) != before
        assert unreachable(path, "conversation") == set()
        await session.add_items(turn(100 + number, 1))
    assert refused - {"record"}, "there was always room for what changes the history"


async def _limit(session: SQLiteSession, more_pages: int) -> None:
    """Let the file grow by so many pages only."""

    def set_limit(transaction: Any) -> None:
        execute = transaction._execute
        [(pages,)] = execute("pragma page_count").fetchall()
        execute(f"pragma max_page_count = {pages + more_pages}").fetchall()

    await session._sqlite.write(set_limit, "test")


async def _do(session: SQLiteSession, operation: str, number: int) -> None:
    match operation:
        case "create":
            await session.branches.create(f"{number}".rjust(250, "x"), turn=1)
        case "record":
            await session.usage.record(input_tokens=1, model="m" * 255, key=f"{number}")
        case "undo":
            await session.undo()
        case "choose":
            await session.choose(next(sibling for sibling in await session.siblings() if not sibling.current))

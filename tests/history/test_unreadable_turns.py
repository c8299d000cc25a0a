"""Stored items that cannot be read, in the middle of turns: nothing is hidden, deleted or changed because of them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from sessions import SQLiteSession, TurnNotFoundError, UndecodableItemError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


ITEMS = [user("1"), assistant("1a"), user("2"), assistant("2a"), user("3"), assistant("3a")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conversations.db"


async def spoiled(path: Path, *positions: int, strict: bool = False) -> SQLiteSession:
    """Return a session with three turns, in which the items at these positions cannot be read."""
    await SQLiteSession("s", path).add_items(ITEMS)
    spoil(path, *positions)
    return SQLiteSession("s", path, strict=strict)


def spoil(path: Path, *positions: int) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "update agent_log_entries set payload = x'ff' where id & 268435455 = ?", [(p,) for p in positions]
        )


def rows(path: Path) -> list[tuple[Any, ...]]:
    """Return all that is stored."""
    with closing(sqlite3.connect(path)) as connection:
        return [
            row
            for table in ("sessions", "segments", "branches", "entries", "changes", "usage")
            for row in connection.execute(f"select * from agent_log_{table}")  # noqa: S608
        ]


CHANGES: dict[str, Callable[[SQLiteSession], Awaitable[object]]] = {
    "undo": lambda session: session.undo(2),
    "redo": lambda session: session.redo(),
    "pop": lambda session: session.pop_item(),
    "matching": lambda session: session.branches.create("new", matching="3", switch=True),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_a_strict_session_refuses_has_changed_nothing(path: Path, change: str) -> None:
    """
    Fails without: handle.py, `if self.strict:` in `change` (it is done, and the error says that it was not);
    log/history/branches.py, `undecodable = [position …` in `_fork_position` (as `[]`; a message that may match is
    passed over).
    """
    session = await spoiled(path, strict=True)
    if change == "redo":
        await session.undo(2)
    spoil(path, 3, 6)
    before = rows(path)

    for _ in range(2):
        with pytest.raises(UndecodableItemError, match=r"session 's': .* cannot be read. Nothing was changed"):
            await CHANGES[change](session)
        assert rows(path) == before


async def test_undo_and_redo_go_around_them_and_say_so(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """
    Fails without: handle.py, the second `self.report(undecodable)` of `change`.
    """
    session = await spoiled(path, 3, 6)
    assert await session.undo(2) == [ITEMS[3], ITEMS[4]]
    assert await session.get_items() == ITEMS[:2]
    assert await session.redo() == [ITEMS[3], ITEMS[4]]

    told = [record.getMessage() for record in caplog.records]
    assert told == ["session 's': the stored items at positions 3, 6 cannot be read and are skipped"] * 2
    assert await session.get_items() == [*ITEMS[:2], ITEMS[3], ITEMS[4]]


@pytest.mark.parametrize("unreadable", [(3,), (4,), (3, 4), (5, 6), (1, 2, 3, 4, 5, 6)], ids=str)
async def test_a_turn_is_there_and_begins_where_it_begins(path: Path, unreadable: tuple[int, ...]) -> None:
    """Pages of one turn each, back and forth, meet every turn once, also those of which nothing can be read.

    Fails without: log/core/turns.py, `if entry.item is not UNREADABLE` in `_as_turns`; log/core/entries.py,
    `UNREADABLE` in what it returns (left out: pages end, or have a turn twice).
    """
    session = await spoiled(path, *unreadable)
    expected = [
        (turn, 2 * turn - 1, 2 * turn, [ITEMS[at - 1] for at in (2 * turn - 1, 2 * turn) if at not in unreadable])
        for turn in (1, 2, 3)
    ]

    def described(turns: list[Any]) -> list[Any]:
        return [(turn.number, turn.position, turn.last_position, turn.items) for turn in turns]

    assert described(await session.turns()) == expected
    assert described([await session.get_turn(number) for number in (1, 2, 3)]) == expected
    back: list[Any] = await session.turns(1)
    while page := await session.turns(1, before=back[0].position):
        back = page + back
    assert described(back) == expected
    forth: list[Any] = await session.turns(1, after=0)
    while page := await session.turns(1, after=forth[-1].last_position):
        forth += page
    assert described(forth) == expected
    assert len({turn.created_at.year for turn in back} - {1970}) == 1


async def test_popping_before_them_leaves_the_order_of_turns(path: Path) -> None:
    """What is added behind an item that stays unreadable belongs to its turn, or to a later one.

    Fails without: log/pop.py, `head.tip, head.turn` (with the turn of the item, the answer is of turn 0, behind what is
    of turn 1).
    """
    session = await spoiled(path, 2)
    for expected in (ITEMS[5], ITEMS[4], ITEMS[3], ITEMS[2], ITEMS[0], None):
        assert await session.pop_item() == expected
    await session.add_items([assistant("later"), user("next"), assistant("answer")])

    turns = [(turn.number, turn.position, turn.items) for turn in await session.turns()]
    assert turns == [(1, 2, [assistant("later")]), (2, 4, [user("next"), assistant("answer")])]
    assert [(await session.get_turn(number)).number for number in (1, 2)] == [1, 2]
    assert await session.undo() == [user("next"), assistant("answer")]
    assert await session.get_items() == [assistant("later")]


async def test_the_search_for_a_message_tells_of_those_it_could_not_read(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Fails without: log/history/branches.py, `undecodable = [position …` in `_fork_position`, and `but` there.
    """
    session = await spoiled(path, 3, 6)

    assert (await session.branches.create("one", matching="1")).items == 0
    assert caplog.records == [], "those behind the message do not matter"
    assert (await session.branches.create("three", matching="3")).items == 4
    (record,) = caplog.records
    assert "positions 3 cannot be read" in record.getMessage()
    with pytest.raises(
        TurnNotFoundError, match=r"turns 1 to 3; those at positions 3 cannot be read\. Nothing was chang"
    ):
        await session.branches.create("two", matching="2")


async def test_siblings_and_branches_of_what_cannot_be_read(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """
    Fails without: log/history/tree.py, `except ValueError` in `_text`; log/core/reader.py, `UNREADABLE`.
    """
    session = await spoiled(path)
    await session.undo()
    await session.add_items([user("3b"), assistant("3c")])
    spoil(path, 3, 5, 6)
    stored = len(rows(path))

    for chosen in (0, 1):
        siblings = await session.siblings()
        assert [sibling.count for sibling in siblings] == [2, 2]
        await session.choose(siblings[chosen])
        assert [sibling.current for sibling in await session.siblings()] == [chosen == 0, chosen == 1]
    await session.branches.create("other", turn=3)
    comparison = await session.branches.compare("main", "other")
    assert (comparison.common, comparison.first, comparison.position) == ([*ITEMS[:2], ITEMS[3]], [], 4)
    assert "positions 3, 5, 6 cannot" in caplog.records[-1].getMessage()
    assert await session.usage.tools() == []
    drawn = StringIO()
    Console(file=drawn, width=80).print(await session.tree())
    assert drawn.getvalue().count("3 ") >= 2
    await session.branches.delete("other")
    assert len(rows(path)) >= stored
    with pytest.raises(UndecodableItemError, match="positions 3, 5, 6"):
        await SQLiteSession("s", path, strict=True).branches.compare("main", "main")

"""Reading by pages whose payloads SQLite has joined, and what cannot be read that way."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from sessions import PlusCodec
from sessions.log.statements.entries import MAX_JOINED, PAGE

from .inside import trace, user

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sessions import SQLiteSession

    Ours = Callable[..., SQLiteSession]

MANY = [user(number) for number in range(2 * PAGE + 10)]
LARGE = user("x" * MAX_JOINED)


async def selects(session: SQLiteSession, limit: int | None = None) -> list[str]:
    """Return how the payloads of a read are fetched: joined, or row by row."""
    executed = await trace(session)
    await session.get_items(limit)
    return ["joined" if "group_concat" in text else "rows" for text in executed if "payload" in text]


# Fails without: log/statements/entries.py, `group_concat(`
@pytest.mark.parametrize("codec", [None, PlusCodec()], ids=["JSON", "plus"])
async def test_a_page_is_one_row(ours: Ours, codec: Any) -> None:
    session = ours(codec=codec)
    await session.add_items(MANY)

    assert await session.get_items() == MANY
    assert await selects(session) == ["joined"] * 3
    assert await session.get_items(PAGE + 1) == MANY[-PAGE - 1 :]
    assert await selects(session, 1) == ["joined"]


# Fails without: log/statements/entries.py, `case when size <`
async def test_large_payloads_are_fetched_by_themselves(ours: Ours) -> None:
    session = ours()
    await session.add_items([LARGE, *MANY, LARGE, user("last")])

    assert await session.get_items() == [LARGE, *MANY, LARGE, user("last")]
    assert await selects(session) == ["joined", "joined", "rows", "joined", "rows"]
    assert await session.get_items(2) == [LARGE, user("last")]
    assert await selects(session, 1) == ["joined"]


async def test_what_has_gone_leaves_no_gap_in_a_page(ours: Ours) -> None:
    session = ours()
    for number in range(0, len(MANY), 10):
        await session.add_items(MANY[number : number + 5])
        await session.add_items(MANY[number + 5 : number + 10], ttl=1e-6)

    kept = [item for number, item in enumerate(MANY) if number % 10 < 5]
    assert await session.get_items() == kept
    assert await session.get_items(len(kept) - 1) == kept[1:]
    assert await session.purge_expired()
    assert await session.get_items() == kept


async def test_a_file_in_another_encoding(path: Path, ours: Ours) -> None:
    """There text is not what payloads are written in, so SQLite cannot join them."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma encoding = 'UTF-16'")
        connection.execute("create table theirs (id integer)")
    session = ours()
    await session.add_items([*MANY, user("é😀")])

    assert await session.get_items() == [*MANY, user("é😀")]

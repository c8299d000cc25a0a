"""Which connection reads: the writing one if it has nothing to do and the read is brief, else the reading one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sessions.log import read as brief

from .inside import locked, taken, trace, user

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from sessions import SQLiteSession

    Ours = Callable[..., SQLiteSession]

ITEMS = list(map(user, "abcd"))


def selected(statements: list[str]) -> list[str]:
    """Return what was read of entries on the writing connection since the last call."""
    found = [text for text in statements if "payload" in text and text.lstrip().startswith("select")]
    statements.clear()
    return found


# Fails without: db/sqlite/database.py, `found = await self._writer.submit(BriefRead(briefly, texts), subject)`
async def test_a_turn_stays_on_one_connection(ours: Ours) -> None:
    session = ours()
    statements = await trace(session)
    for number in range(1, 5):
        await session.add_items(ITEMS[number - 1 : number])
        assert await session.get_items() == ITEMS[:number]
        assert len(selected(statements)) == 1
        assert not [text for text in statements if text.lower().startswith("begin immediate")]


# Fails without: log/read.py, `return LONG`
async def test_a_long_read_keeps_nobody_from_writing(ours: Ours, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brief, "BRIEF", 3)
    session = ours()
    await session.add_items(ITEMS)
    statements = await trace(session)

    assert await session.get_items() == ITEMS
    assert not selected(statements)
    assert await session.get_items(limit=3) == ITEMS[1:]
    assert selected(statements)


# Fails without: db/sqlite/database.py, `self._writer.is_idle`
async def test_a_read_does_not_wait_for_a_change(path: Path, ours: Ours) -> None:
    session = ours()
    await session.add_items(ITEMS)
    with locked(path):
        change = asyncio.ensure_future(session.add_items([user("e")]))
        await asyncio.sleep(0)
        await taken(path)

        assert await session.get_items() == ITEMS
        assert not change.done()
    await change
    assert await session.get_items() == [*ITEMS, user("e")]


# Fails without: db/jobs.py, `self._under_way.discard(job)`
async def test_a_cancelled_change_is_no_longer_under_way(path: Path, ours: Ours) -> None:
    session = ours()
    await session.add_items(ITEMS)
    statements = await trace(session)
    with locked(path):
        change = asyncio.ensure_future(session.add_items([user("e")]))
        await asyncio.sleep(0)
        await taken(path)
        waiting = asyncio.ensure_future(session.add_items([user("f")]))
        await asyncio.sleep(0)
        waiting.cancel()
    await change
    await asyncio.gather(waiting, return_exceptions=True)
    statements.clear()

    assert await session.get_items() == [*ITEMS, user("e")]
    assert selected(statements)

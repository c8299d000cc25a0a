"""A file that may not grow. `test_power_loss` has the disk that is really full."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sessions import SQLiteSession, StoreFullError

if TYPE_CHECKING:
    from pathlib import Path

_TEXT = "x" * 100_000


async def _limit(session: SQLiteSession, more_pages: int) -> None:
    """Let the file grow by so many pages only. A limit is one connection's, so the connection that writes sets it."""

    def set_limit(transaction: object) -> None:
        execute = transaction._execute  # type: ignore[attr-defined]
        [(pages,)] = execute("pragma page_count").fetchall()
        execute(f"pragma max_page_count = {pages + more_pages}").fetchall()

    await session._sqlite.write(set_limit, "test")


async def test_a_full_file_refuses_the_whole_batch_and_goes_on_when_there_is_room(path: Path) -> None:
    """Fails without: db/sqlite/errors.py, the line of `SQLITE_FULL`; db/sqlite/group_commit.py, `begin immediate`
    and `commit` in `_write_alone` (each statement commits itself).
    """
    session = SQLiteSession("conversation", path)
    await session.add_items([{"n": "before"}])
    await _limit(session, 5)

    for _ in range(3):
        with pytest.raises(StoreFullError, match=f"session 'conversation': {path} .*Nothing was changed. Make room"):
            await session.add_items([{"n": "small"}, {"n": "big", "text": _TEXT}, {"n": "small too"}])
    assert await session.get_items() == [{"n": "before"}]

    await session.add_items([{"n": "fits"}])
    await _limit(session, 1000)
    await session.add_items([{"n": "after", "text": _TEXT}])
    assert [item["n"] for item in await session.get_items()] == ["before", "fits", "after"]


async def test_neighbours_in_the_same_commit_are_not_lost(path: Path) -> None:
    """A full file can take the whole transaction back, neighbours and all; they are then done one by one.

    Fails without: db/sqlite/group_commit.py, `return False` after `if not connection.in_transaction` (as
    `return True`).
    """
    session = SQLiteSession("conversation", path)
    await session.add_items([{"n": "before"}])
    await _limit(session, 5)

    texts = [_TEXT if number in (3, 7, 8) else "" for number in range(12)]
    results = await asyncio.gather(
        *(session.add_items([{"n": number}, {"n": number, "text": text}]) for number, text in enumerate(texts)),
        return_exceptions=True,
    )

    assert [number for number, result in enumerate(results) if isinstance(result, StoreFullError)] == [3, 7, 8]
    assert [result for result in results if result is not None and not isinstance(result, StoreFullError)] == []
    found = [item["n"] for item in await session.get_items()]
    assert found == ["before", *(number for number in range(12) if number not in (3, 7, 8) for _ in range(2))]


async def test_a_full_file_can_be_made_smaller(path: Path) -> None:
    """Popping and clearing need no more room than there is.

    Fails without: log/core/entry_rows.py, `statements.DELETE_ENTRIES`.
    """
    session = SQLiteSession("conversation", path)
    await session.add_items([{"n": "big", "text": _TEXT}, {"n": "last"}])
    await _limit(session, 0)
    with pytest.raises(StoreFullError):
        await session.add_items([{"n": "refused", "text": _TEXT}])

    assert await session.pop_item() == {"n": "last"}
    await session.clear_session()
    await session.add_items([{"n": "after", "text": _TEXT[:90_000]}])
    assert [item["n"] for item in await session.get_items()] == ["after"]

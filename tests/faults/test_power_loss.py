"""The power goes while a session is appended to. `losable_disk` tells how that is done without pulling a plug."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest

from sessions import SQLiteSession, StoreFullError

if TYPE_CHECKING:
    from .conftest import Start
    from .disks import Disk

_APPENDS = 200

_APPENDS_UNTIL_KILLED = """
    session = SQLiteSession("conversation", path, durability=sys.argv[2])
    for number in range(int(sys.argv[3])):
        add(session, {"n": number})
        say(number)
    heard()
"""


def _append_and_lose_power(disk: Disk, start: Start, durability: str) -> list[int]:
    """Return what of `_APPENDS` acknowledged appends is left."""
    program = start(_APPENDS_UNTIL_KILLED, disk.mount / "conversations.db", durability, _APPENDS)
    for number in range(_APPENDS):
        program.expect(str(number))
    disk.lose_power()
    program.kill()
    return [item["n"] for item in asyncio.run(_left_of(disk).get_items())]


def _left_of(disk: Disk) -> SQLiteSession:
    return SQLiteSession("conversation", disk.platter / "conversations.db")


def test_full_durability_loses_nothing_that_was_acknowledged(disk: Disk, start: Start) -> None:
    """Fails without: db/sqlite/opening.py, `pragma synchronous = full` (as "normal")."""
    assert _append_and_lose_power(disk, start, "full") == list(range(_APPENDS))


def test_normal_durability_keeps_the_file_whole(disk: Disk, start: Start) -> None:
    """The last appends are lost, which shows that the disk above does lose what was not synced.

    Fails without: db/sqlite/database.py, `self._set_durability(...)` (all is synced, and nothing lost).
    """
    found = _append_and_lose_power(disk, start, "normal")

    assert found == list(range(len(found)))
    assert len(found) < _APPENDS


_CLOSES_EACH_TIME = """
    async def append(number, durability):
        session = SQLiteSession("conversation", path, durability=durability)
        await session.get_items(5)
        await session.add_items([{"n": number}])
        session.close()
    async def append_all():
        for number in range(int(sys.argv[2])):
            # One in a hundred is not synced, and the next one is.
            await append(number, "normal" if number % 100 == 50 else "full")
            say(number)
    asyncio.run(append_all())
    heard()
"""


def test_closing_each_time_loses_nothing_either(disk: Disk, start: Start) -> None:
    """What closing copies into the file is not synced, and need not be: it is in the log.

    Fails without: db/sqlite/final_checkpoint.py, the `where` of `_NEW_END` (as one that is never true, and `copied ==
    pages` allowed): the log is begun again before the file is on disk.
    """
    program = start(_CLOSES_EACH_TIME, disk.mount / "conversations.db", _APPENDS)
    for number in range(_APPENDS):
        program.expect(str(number))
    disk.lose_power()
    program.kill()
    left = _left_of(disk)
    assert [item["n"] for item in asyncio.run(left.get_items())] == list(range(_APPENDS))
    asyncio.run(left.aclose())
    with contextlib.closing(sqlite3.connect(left.db_path)) as connection:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]


def test_one_that_asks_for_full_durability_makes_its_group_durable(disk: Disk, start: Start) -> None:
    """Fails without: db/sqlite/database.py, `full=any(...)` (as `full=all(...)`)."""
    program = start(
        """
        async def append():
            hasty, careful = (SQLiteSession("conversation", path, durability=each) for each in ("normal", "full"))
            for number in range(20):
                add = [(hasty, f"hasty {number}"), (hasty, f"hasty too {number}"), (careful, f"careful {number}")]
                await asyncio.gather(*(session.add_items([{"n": n}]) for session, n in add))
        asyncio.run(append())
        say("done")
        heard()
        """,
        disk.mount / "conversations.db",
    )
    program.expect("done")
    disk.lose_power()
    program.kill()

    found = [item["n"] for item in asyncio.run(_left_of(disk).get_items())]
    assert {f"careful {number}" for number in range(20)} <= set(found)


@pytest.mark.parametrize("room", [300_000])
async def test_a_disk_that_is_really_full(disk: Disk) -> None:
    """The system refuses in the middle of a write, wherever that is: in the WAL, or when it is checkpointed.

    Fails without: db/sqlite/errors.py, the line of `SQLITE_FULL`.
    """
    session = SQLiteSession("conversation", disk.mount / "conversations.db")
    added: list[int] = []

    async def append_until_refused() -> None:
        while True:
            n = len(added)
            await session.add_items([{"n": n, "text": "x" * 2000}, {"n": n, "second": True}])
            added.append(n)

    with pytest.raises(StoreFullError, match=r"session 'conversation': .*conversations.db .*Nothing was changed"):
        await append_until_refused()
    with pytest.raises(StoreFullError):
        await session.add_items([{"n": "too much", "text": "x" * 100_000}])
    assert [item["n"] for item in await session.get_items()] == [n for n in added for _ in range(2)]

    disk.double_room()
    await session.add_items([{"n": "after"}])
    assert (await session.get_items())[-1] == {"n": "after"}
    session.close()
    left = [item["n"] for item in await SQLiteSession("conversation", session.db_path).get_items()]
    assert left == [*(n for n in added for _ in range(2)), "after"]

"""Faults that meet sessions, memories and threads alike, on a file: what was acknowledged is whole, and all goes on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sessions import StoreFullError, open_store

from .numbered import KINDS, nothing_is_damaged, numbered, numbered_in

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Start
    from .disks import Disk

_CHANGES = 60

_CHANGES_UNTIL_KILLED = """
    from tests.faults.numbered import numbered

    async def write(changes, writer, first):
        for number in range(first, 1_000_000):
            await changes.change(writer, number)
            say(writer, number)

    async def write_all(kind, durability, writers, *first):
        async with numbered(kind, f"sqlite:///{path}", durability=durability) as changes:
            await asyncio.gather(*(write(changes, f"w{at}", int(first[at])) for at in range(int(writers))))

    asyncio.run(write_all(*sys.argv[2:]))
"""

every_kind = pytest.mark.parametrize("kind", KINDS)


async def _left(kind: str, path: Path, writers: int) -> list[list[int]]:
    url = f"sqlite:///{path}"
    async with numbered(kind, url) as changes:
        left = [await changes.numbers(f"w{at}") for at in range(writers)]
        for at, numbers in enumerate(left):
            await changes.change(f"w{at}", len(numbers))
            assert await changes.numbers(f"w{at}") == [*numbers, len(numbers)]
    await nothing_is_damaged(url)
    return left


@every_kind
def test_what_was_acknowledged_is_there_after_kill_9(path: Path, start: Start, kind: str) -> None:
    """One process after the other is killed in the middle of several writers' changes.

    Fails without: db/sqlite/database.py, `write_group` before `self._report(jobs)` in `_do_writes`.
    """
    writers, there = 3, [0, 0, 0]
    for lines in (5, 40, 90):
        program = start(_CHANGES_UNTIL_KILLED, path, kind, "full", writers, *there)
        heard = [program.hear() for _ in range(lines)]
        assert "" not in heard, program.errors()
        heard += program.kill()
        left = asyncio.run(_left(kind, path, writers))
        for at, numbers in enumerate(left):
            acknowledged = [int(line.split()[1]) for line in heard if line.startswith(f"w{at} ")]
            assert numbers == list(range(len(numbers)))
            assert set(acknowledged) <= set(numbers)
        there = [len(numbers) + 1 for numbers in left]


@every_kind
@pytest.mark.parametrize("durability", ["full", "normal"])
def test_what_was_acknowledged_is_there_after_a_loss_of_power(
    disk: Disk, start: Start, kind: str, durability: str
) -> None:
    """With normal durability the last changes are lost, which shows that the disk does lose what was not synced.

    Fails without: db/sqlite/opening.py, `pragma synchronous = full` (as "normal").
    """
    program = start(_CHANGES_UNTIL_KILLED, disk.mount / "state.db", kind, durability, 1, 0)
    heard = [program.hear() for _ in range(_CHANGES)]
    assert "" not in heard, program.errors()
    disk.lose_power()
    heard += program.kill()
    (left,) = asyncio.run(_left(kind, disk.platter / "state.db", 1))
    assert left == list(range(len(left)))
    if durability == "full":
        assert len(left) >= _CHANGES
    else:
        assert len(left) < len(heard)


async def _until_refused(changes: Any, first: int) -> int:
    """Return the number of the change that was refused because nothing more fits."""
    for number in range(first, 100_000):
        try:
            await changes.change("w", number)
        except StoreFullError as error:
            assert "Nothing was changed" in str(error)  # noqa: PT017 - it is looked for
            return number
    raise AssertionError


@every_kind
async def test_a_full_file_refuses_and_goes_on_when_there_is_room(path: Path, kind: str) -> None:
    """Fails without: db/sqlite/errors.py, the line of `SQLITE_FULL`."""
    async with open_store(f"sqlite:///{path}") as store:
        changes = numbered_in(kind, store)
        await changes.change("w", 0)

        async def limit(more_pages: int) -> None:
            """A limit is one connection's, so the connection that writes sets it."""

            def set_limit(transaction: Any) -> None:
                [(pages,)] = transaction._execute("pragma page_count").fetchall()
                transaction._execute(f"pragma max_page_count = {pages + more_pages}").fetchall()

            await store._backend.write(set_limit, "this test")

        number = 1
        for _ in range(3):
            await limit(2)
            refused = await _until_refused(changes, number)
            await limit(100_000)
            # A run of a graph has stored its beginning, perhaps, and goes on from there.
            left = await changes.numbers("w")
            assert left in (list(range(refused)), list(range(refused + 1)))
            number = len(left)
    await nothing_is_damaged(f"sqlite:///{path}")


@pytest.mark.parametrize("room", [600_000])
@every_kind
async def test_a_disk_that_is_really_full(disk: Disk, kind: str) -> None:
    """Fails without: db/sqlite/errors.py, the line of `SQLITE_FULL`."""
    path = disk.mount / "state.db"
    async with numbered(kind, f"sqlite:///{path}") as changes:
        refused = await _until_refused(changes, 0)
        disk.double_room()
        left = await changes.numbers("w")
        assert left in (list(range(refused)), list(range(refused + 1)))
        await changes.change("w", len(left))
    await nothing_is_damaged(f"sqlite:///{path}")

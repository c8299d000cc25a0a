"""Undo, branches and siblings from several threads and loops, in memory, after a fork, and when clocks go back."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

import sessions.session.adding
import sessions.session.base
import sessions.session.branches
import sessions.session.history
from sessions import SQLiteSession

from . import playing
from .playing import play_one, state, turn
from .test_killed_history import unreachable

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Start

_THREADS, _ROUNDS = 4, 40


@pytest.mark.parametrize("where", ["memory", "file"])
def test_one_object_from_several_threads_and_loops_at_once(path: Path, where: str) -> None:
    """Each thread undoes, adds and chooses on a branch of its own, in a new event loop for every round.

    Fails without: log/history/undo.py, `keep_tip(…)` in `undo`.
    """
    session = SQLiteSession("s", ":memory:" if where == "memory" else path)
    asyncio.run(session.add_items([*turn(0, 1), *turn(1, 1)]))
    for thread in range(_THREADS):
        asyncio.run(session.branches.create(f"{thread}"))
        asyncio.run(session.on_branch(f"{thread}").add_items(turn(f"{thread} begins", 1)))

    async def round_of(thread: int, number: int) -> None:
        pinned = session.on_branch(f"{thread}")
        first, second = turn(1000 * thread + 2 * number, 1), turn(1000 * thread + 2 * number + 1, 1)
        before = await pinned.get_items()
        await pinned.add_items(first)
        assert await pinned.undo() == first
        await pinned.add_items(second)
        assert await pinned.pop_item() == second[1]
        siblings = await pinned.siblings()
        assert [sibling.current for sibling in siblings] == [False, True]
        await pinned.choose(siblings[0])
        assert await pinned.get_items() == before + first
        assert await pinned.undo() == first
        assert await pinned.redo() == first

    def rounds(thread: int) -> None:
        for number in range(1, _ROUNDS):
            asyncio.run(round_of(thread, number))

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(rounds, range(_THREADS)))

    async def check() -> None:
        listed = await session.branches.list()
        assert [branch.name for branch in listed] == ["main", *map(str, range(_THREADS))]
        assert {branch.items for branch in listed[1:]} == {6 + 2 * (_ROUNDS - 1)}
        assert await session.get_items() == [*turn(0, 1), *turn(1, 1)]

    asyncio.run(check())
    if where == "file":
        assert unreachable(path, "s") == set()


def test_parent_and_child_go_on_with_the_history_after_a_fork(path: Path, start: Start) -> None:
    """With the object that the parent has been using; each on a branch of its own, at the same time.

    Fails without: db/sqlite/registry.py, `_files.clear()` in `after_in_child`.
    """
    start(
        inspect.getsource(playing)
        + """
session = SQLiteSession("s", path)

async def begin():
    await session.add_items([*turn(0, 1), *turn(1, 1)])
    await session.branches.create("0")
    await session.branches.create("1")

async def work(name):
    pinned = session.on_branch(str(name))
    await pinned.add_items(turn(f"{name} begins", 1))
    for number in range(30):
        await pinned.add_items(turn(f"{name}.{number}", 1))
        await pinned.undo()
        await pinned.redo()
        await pinned.undo()
        await pinned.add_items(turn(f"{name}.{number}b", 1))
        await pinned.usage.record(input_tokens=1)
        assert [sibling.current for sibling in await pinned.siblings()] == [False, True]

asyncio.run(begin())
child = os.fork()
asyncio.run(work(bool(child) + 0))
if not child:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
""",
        path,
        options=("-W", "ignore::DeprecationWarning"),
    ).finish()

    async def check() -> None:
        session = SQLiteSession("s", path)
        begin = [*turn(0, 1), *turn(1, 1)]
        for name in "01":
            added = [item for number in range(30) for item in turn(f"{name}.{number}b", 1)]
            assert await session.on_branch(name).get_items() == begin + turn(f"{name} begins", 1) + added
        assert (await session.usage.total()).requests == 60

    asyncio.run(check())
    assert unreachable(path, "s") == set()


async def test_clocks_that_run_backwards_change_no_order(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same history, with a clock that goes on and with one that goes back a day each time it is asked.

    Fails without: log/statements/branches.py, `order by b.made_in` of TIPS (as `created_at`); log/history/siblings.py,
    `tip.changed_in` in the sort (as `tip.updated_at`).
    """
    found = []
    for days in (1, -1):
        ticks = itertools.count(1_800_000_000_000_000, days * 86_400_000_000)
        for module in (
            sessions.session.adding,
            sessions.session.branches,
            sessions.session.history,
            sessions.session.base,
        ):
            monkeypatch.setattr(module, "now", ticks.__next__)
        session, chance = SQLiteSession(f"{days}", path), random.Random(6)  # noqa: S311
        await session.add_items([*turn(-1, 1), *turn(-2, 1)])
        for number in range(120):
            with suppress(ValueError):
                await play_one(session, chance, number)
        found.append(await state(session))
        assert unreachable(path, f"{days}") == set()
    assert found[0] == found[1]
    assert len(found[0]) > 3

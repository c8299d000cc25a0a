"""A process is killed before any statement of a fork or a copy; another one finds nothing of it, and does it again."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest

from sessions import Copied, open_store

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Start

_ITEMS = 9
_MOVES = """
from sessions import open_store
from sessions.log.moving import source as pages

async def move(way, target, statements):
    pages.PAGE = 2
    async with open_store(f"sqlite:///{path}") as store, open_store(f"sqlite:///{target}") as other:
        # The tables are there, and the first upkeep is over.
        await store.session("before").add_items([{"role": "user", "content": "."}])
        await other.session("before").add_items([{"role": "user", "content": "."}])
        def report(done):
            say(done.items)
            if way == "copy six" and done.items == 6:
                os.kill(os.getpid(), 9)

        if way == "fork":
            die_before(int(statements))
            await store.fork("s", "new")
        else:
            if way == "copy":
                die_before(int(statements))
            await store.copy("s", other.session("new"), progress=report)
        say("done")
        os.kill(os.getpid(), 9)

asyncio.run(move(*sys.argv[2:]))
"""


@pytest.mark.parametrize("way", ["fork", "copy"])
def test_kill_9_leaves_all_or_nothing(tmp_path: Path, start: Start, way: str) -> None:
    """Fails without: log/moving/target.py, `finish` after the pages (in `begin_target`)."""
    path, other = tmp_path / "chat.db", tmp_path / "other.db"
    target = path if way == "fork" else other
    items = [{"role": "user", "content": f"q{number}"} for number in range(_ITEMS)]
    asyncio.run(_fill(path, items))
    heard: list[str] = []
    statement = 0
    while "done" not in heard:
        program = start(_MOVES, path, way, other, statement)
        heard = [word.strip() for word in iter(program.hear, "")]
        program.kill()
        asyncio.run(_check(target, items, whole="done" in heard))
        statement += 3
    assert statement > 20


async def _fill(path: Path, items: list[dict[str, str]]) -> None:
    async with open_store(f"sqlite:///{path}") as store:
        await store.session("s").add_items(items, keys=[f"k{number}" for number in range(len(items))])


async def _check(path: Path, items: list[dict[str, str]], *, whole: bool) -> None:
    async with open_store(f"sqlite:///{path}") as store:
        there = [one.session_id for one in await store.sessions()]
        assert ("new" in there) >= whole
        assert await store.session("new").get_items() == (items if "new" in there else [])
        assert len(await store.find("k0")) == ("new" in there) + ("s" in there)
        if "s" in there and "new" not in there:
            await store.fork("s", "new")
            assert await store.session("new").get_items() == items
        await store.delete("new")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]


def test_a_killed_copy_goes_on(tmp_path: Path, start: Start) -> None:
    """Fails without: log/moving/target.py, `find(tx, conversation, origin)`."""
    path, other = tmp_path / "chat.db", tmp_path / "other.db"
    items = [{"role": "user", "content": f"q{number}"} for number in range(_ITEMS)]
    asyncio.run(_fill(path, items))
    program = start(_MOVES, path, "copy six", other, 0)
    heard = [word.strip() for word in iter(program.hear, "")]
    program.kill()
    assert heard == ["2", "4", "6"], program.errors()

    async def go_on() -> None:
        async with open_store(f"sqlite:///{path}") as store, open_store(f"sqlite:///{other}") as target:
            assert await target.session("new").get_items() == []
            assert await store.copy("s", target.session("new")) == Copied(_ITEMS - 6, 6)
            assert await target.session("new").get_items() == items
            assert await store.copy("s", target.session("new")) == Copied(0, _ITEMS)

    asyncio.run(go_on())

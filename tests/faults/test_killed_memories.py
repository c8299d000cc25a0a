"""A process is killed before any statement of a change of memories: all of it is there, or nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sessions import Put, open_store

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Start

_CHANGES = """
from sessions import Put, open_store

async def change(life, statements, how):
    store = open_store(f"sqlite:///{path}")
    memories, session = store.memories, store.session(f"s{life}")
    names = (f"a{life}",), (f"b{life}",)
    await memories.put_many([Put(name, "old", {"n": 1}) for name in names])
    await memories.put_many([Put(names[0], f"{number}", {}) for number in range(600 if how == "erase" else 3)])
    await session.add_items([{"role": "user", "content": "old"}])
    await memories.list()
    die_before(statements)
    puts = [Put(name, key, {"n": 2}) for name in (*names, (f"c{life}",)) for key in ("old", "new")]
    if how == "put_many":
        await memories.put_many(puts)
    elif how == "add_items":
        await session.add_items([{"role": "user", "content": "new"}], memories=puts)
    elif how == "delete":
        await memories.delete(names[0], "old")
    else:
        await memories.erase(names[0], scrub=False)
    say("done")

asyncio.run(change(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
"""


@pytest.mark.parametrize("how", ["put_many", "add_items", "delete", "erase"])
def test_kill_9_leaves_a_change_whole_or_undone(path: Path, start: Start, how: str) -> None:
    heard = [""]
    life = 0
    while "done" not in heard:
        program = start(_CHANGES, path, life, life * 2, how)
        heard = list(iter(program.hear, ""))
        program.kill()
        asyncio.run(_check(path, life, how, done="done" in heard))
        life += 1
    assert life > 3


async def _check(path: Path, life: int, how: str, *, done: bool) -> None:
    async with open_store(f"sqlite:///{path}") as store:
        memories = store.memories
        values = [one.value.get("n") for name in "abc" for one in await memories.list((f"{name}{life}",), limit=9)]
        items = len(await store.session(f"s{life}").get_items())
        if how in ("put_many", "add_items"):
            whole = [None, None, None, 2, 2, 2, 2, 2, 2]
            assert values in ([None, None, None, 1, 1], whole)
            assert not done or values == whole
            assert items == (2 if values == whole and how == "add_items" else 1)
        elif how == "delete":
            assert len(values) == (4 if done else 5) or not done
            assert len(values) in (4, 5)
        else:
            left = await memories.count((f"a{life}",))
            assert left in (0, 101, 601)
            assert not done or left == 0
            # Another call goes on.
            receipt = await memories.erase((f"a{life}",), scrub=False)
            assert receipt.memories == left
        assert [str(finding) async for finding in store.verify()] == []
        await memories.put_many([Put((f"a{life}",), "old", {"n": 3})])

"""Watching what another process changes, with and without an event loop."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from sessions import blocking, open_store

if TYPE_CHECKING:
    from pathlib import Path

_PUTS: Final = """
import asyncio, sys

from sessions import open_store

async def main(url):
    async with open_store(url, create_tables=True) as store:
        mine = store.memories.under(("users", "alice"))
        for number in range(20):
            await mine.put((f"s{number % 2}",), f"{number}", {})
            await store.memories.put(("users", "alicia"), f"{number}", {})
        await mine.delete(("s0",), "0")

asyncio.run(main(sys.argv[1]))
"""


async def test_every_change_of_another_process_arrives(anywhere: str) -> None:
    """Fails without: memory/statements/spaces.py, `TELL_WATCHERS`, where no other change wakes the watcher."""
    async with open_store(anywhere, create_tables=True) as store:
        mine = store.memories.under(("users", "alice"))
        cursor = await mine.watch_cursor()
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", _PUTS, anywhere, stderr=subprocess.PIPE)
        seen: list[tuple[str, tuple[str, ...], str | None]] = []
        async with aclosing(mine.watch(after=cursor)) as watch, asyncio.timeout(120):
            # Of a memory that is gone when it is read, only the removal is told.
            while len([one for one in seen if one[2] != "0"]) < 19 or ("deleted", ("s0",), "0") not in seen:
                change = await anext(watch)
                seen.append((change.kind, change.namespace, change.key))
        _, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        for space in ("s0", "s1"):
            keys = [key for kind, namespace, key in seen if kind == "put" and namespace == (space,) and key != "0"]
            assert keys == [f"{number}" for number in range(2 if space == "s0" else 1, 20, 2)]


def test_without_an_event_loop(tmp_path: Path) -> None:
    with blocking.open_store(f"sqlite:///{tmp_path}/memories.db") as store:
        cursor = store.memories.watch_cursor()
        store.memories.put(("a",), "k", {"type": "fact"})
        store.memories.declare("type")
        assert store.memories.reindex() == 1
        assert [one.key for one in store.memories.list(filter={"type": "fact"}, filter_budget=1)] == ["k"]
        change = next(store.memories.watch(after=cursor))
        assert (change.kind, change.namespace, change.key) == ("put", ("a",), "k")

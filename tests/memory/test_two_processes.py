"""Several processes update one memory, and one is killed while it adds items and memories: nothing is lost or half."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any, Final

import pytest

from sessions import Put, open_store

_EACH: Final = 100
_COUNTS: Final = """
import asyncio, sys

from sessions import open_store

async def main(url, each):
    async with open_store(url, create_tables=True) as store:
        for _ in range(each):
            await store.memories.update(("counts",), "n", lambda old: {"n": (old["n"] if old else 0) + 1})

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


async def test_no_increment_is_lost(anywhere: str) -> None:
    """Fails without: memory/changes.py, `_check_version`."""
    async with open_store(anywhere, create_tables=True) as store:
        assert await store.memories.count() == 0
        command = [sys.executable, "-c", _COUNTS, anywhere, str(_EACH)]
        running = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]
        for process in running:
            _, errors = process.communicate()
            assert process.returncode == 0, errors.decode()
        (found,) = await store.memories.list()
        assert found.value == {"n": 2 * _EACH}
        assert found.version >= 2 * _EACH


_KILLED: Final = """
import asyncio, os, signal, sys

from sessions import Put, open_store
from sessions.memory.changes import Change

url, when = sys.argv[1:]
change = Change.__call__

def killed(self, tx):
    if when == "committing":
        change(self, tx)
    print(when, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    async with open_store(url, create_tables=True) as store:
        await store.memories.put(("a",), "k", {"n": 1})
        Change.__call__ = killed
        puts = [Put(("a",), "k", {"n": 2}), Put(("new",), "k", {"n": 2})]
        await store.session("s").add_items([{"role": "user", "content": "1"}], idempotency_key="once", memories=puts)

asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("when", ["putting", "committing"])
async def test_items_and_memories_of_a_killed_process_are_all_there_or_none(anywhere: str, when: str) -> None:
    """Fails without: session/with_memories.py, one transaction for the items and the puts."""
    done = subprocess.run([sys.executable, "-c", _KILLED, anywhere, when], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert done.stdout.split() == [when]
    async with open_store(anywhere, create_tables=True) as store:
        session = store.session("s")
        assert await session.get_items() == []
        assert [one.value for one in await store.memories.list()] == [{"n": 1}]
        item: dict[str, Any] = {"role": "user", "content": "1"}
        puts = [Put(("a",), "k", {"n": 2}), Put(("new",), "k", {"n": 2})]
        await session.add_items([item], idempotency_key="once", memories=puts)
        assert await session.get_items() == [item]
        assert [one.value for one in await store.memories.list()] == [{"n": 2}, {"n": 2}]
        assert [str(finding) async for finding in store.verify()] == []

"""Several processes update one memory: no increment is lost."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from sessions import open_store

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

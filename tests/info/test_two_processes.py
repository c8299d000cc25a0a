"""Several processes set the info of one session at a version: no setting is lost."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from sessions import open_store

_EACH: Final = 15
_COUNTS: Final = """
import asyncio, sys

from sessions import ConflictError, open_store

async def main(url, each):
    async with open_store(url, create_tables=True) as store:
        session = store.session("s", owner="ann")
        done = 0
        while done < each:
            info = await session.info()
            count = info.metadata.get("count", 0)
            try:
                await session.set_info(metadata={"count": count + 1}, expected_version=info.version)
            except ConflictError as error:
                assert error.version > info.version
                continue
            done += 1
            await session.add_items([{"role": "user", "content": str(count)}])

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


async def test_no_setting_is_lost(url: str) -> None:
    """Fails without: log/info.py, `self.expected_version != version`."""
    async with open_store(url, create_tables=True) as store:
        assert await store.count() == 0
        command = [sys.executable, "-c", _COUNTS, url, str(_EACH)]
        running = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]
        for process in running:
            _, errors = process.communicate()
            assert process.returncode == 0, errors.decode()
        (found,) = await store.sessions(owner="ann")
        assert (found.metadata, found.version) == ({"count": 3 * _EACH}, 3 * _EACH)
        assert found.item_count == 3 * _EACH

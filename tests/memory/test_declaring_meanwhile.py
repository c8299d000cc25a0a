"""A process puts memories while another one declares fields: no put is missing in an index that filters use."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Final

from sessions import open_store

_PUTS: Final = """
import asyncio, sys

from sessions import open_store

async def put(store, number):
    for each in range(40):
        # Some namespaces are new, and some are not.
        await store.memories.put((f"s{number}", f"{each // 4}"), f"{each}", {"n": each, "m": number})

async def main(url):
    async with open_store(url, create_tables=True) as store:
        await asyncio.gather(*(put(store, number) for number in range(6)))

asyncio.run(main(sys.argv[1]))
"""


async def test_no_put_is_missing_in_an_index(anywhere: str) -> None:
    """Fails without: memory/changes.py, `SettingsMovedError`."""
    async with open_store(anywhere, create_tables=True) as store:
        memories = store.memories
        assert await memories.count() == 0
        process = subprocess.Popen([sys.executable, "-c", _PUTS, anywhere], stderr=subprocess.PIPE)
        while process.poll() is None:
            await memories.declare("n", "m")
            await memories.reindex()
            looked, indexed = {"$or": [{"n": 7}]}, {"n": 7}
            before = await memories.count(filter=looked)
            assert before <= await memories.count(filter=indexed) <= await memories.count(filter=looked)
            await memories.undeclare("n", "m")
            await asyncio.sleep(0)
        _, errors = process.communicate()
        assert process.returncode == 0, errors.decode()
        await memories.declare("n", "m")
        await memories.reindex()
        assert await memories.count() == 240
        for number in range(40):
            assert await memories.count(filter={"n": number}, filter_budget=6) == 6
        for number in range(6):
            assert await memories.count(filter={"m": number}, filter_budget=40) == 40


async def test_a_process_with_older_settings_leaves_no_rows_behind(anywhere: str) -> None:
    """Fails without: memory/changes.py, `has_fields` of the locked namespaces."""
    async with open_store(anywhere, create_tables=True) as store, open_store(anywhere, create_tables=True) as older:
        await older.memories.put(("a",), "deleted", {"n": 1})
        await store.memories.declare("n")
        await store.memories.put(("a",), "put again", {"n": 1})
        await store.memories.reindex()
        assert await older.memories.delete(("a",), "deleted")
        await older.memories.put(("a",), "put again", {"n": 2})
        assert await older.memories.count(filter={"n": 2}, filter_budget=1) == 1
        assert await store.memories.count(filter={"n": 1}, filter_budget=1) == 0
        assert [finding async for finding in store.verify()] == []


async def test_a_value_counts_as_it_was_at_the_call(anywhere: str) -> None:
    """Fails without: memories/writing.py, `texts_to_index` in `prepare`."""
    async with open_store(anywhere, create_tables=True) as store, open_store(anywhere, create_tables=True) as older:
        await older.memories.count()
        await store.memories.declare("n")
        await store.memories.put(("a",), "before", {"n": 1})
        # This store has not read the settings yet, so it prepares the put a second time.
        value = {"text": "original words"}
        put = asyncio.create_task(older.memories.put(("a",), "k", value))
        await asyncio.sleep(0)
        value["text"] = "changed mind"
        await put
        found = await older.memories.search(query="original", mode="text")
        assert [one.value for one in found] == [{"text": "original words"}]
        assert await older.memories.search(query="changed", mode="text") == []

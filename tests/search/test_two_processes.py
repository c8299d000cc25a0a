"""Two processes make words of the same sessions, beside one that writes; a killed one leaves nothing half done."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from sessions import open_store
from sessions.store.search_run import SearchRun

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from sessions import Store

_INDEX: Final = """
import asyncio, sys
from sessions import open_store

async def main():
    async with open_store(sys.argv[1]) as store:
        print("begun", flush=True)
        while True:
            await store.index(entries=40)
            await asyncio.sleep(0.01)

asyncio.run(main())
"""


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


@contextmanager
def _indexing(url: str) -> Iterator[None]:
    """Have another process make words until the block ends, and kill it then."""
    with subprocess.Popen([sys.executable, "-c", _INDEX, url], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == b"begun\n"
            yield
        finally:
            process.kill()


async def _found(store: Store, word: str) -> set[str]:
    """Return the texts that are found, with words of all entries."""
    page = await store.search(word, owner="ann", limit=1000, catch_up=100_000)
    while page.behind:  # Another process has locked a session for a moment.
        page = await store.search(word, owner="ann", limit=1000, catch_up=100_000)
    assert (page.skipped, page.cursor) == (0, None)
    return {hit.snippet for hit in page.hits}


async def test_two_processes_make_words_beside_a_writer(url: str) -> None:
    """Fails without: log/search/catching_up.py, the comparison of versions in `store_words`."""
    async with open_store(url, create_tables=True) as store:
        sessions = [store.session(f"s{n}", owner="ann") for n in range(4)]
        for session in sessions:
            await session.add_items([user(f"apple {n}") for n in range(40)])
        with _indexing(url), _indexing(url):
            expected = set[str]()
            for n in range(30):
                session = sessions[n % 4]
                await session.add_items([user(f"pear {n}"), user(f"plum {n}")])
                if n % 3 == 0:
                    await session.pop_item()
                    expected.add(f"pear {n}")
                elif n % 3 == 1:
                    *_, last = await session.entries(1)
                    await session.redact(last.position, user(f"pear changed {n}"), scrub=False)
                    expected |= {f"pear {n}", f"pear changed {n}"}
                else:
                    expected |= {f"pear {n}"}
                assert f"pear {n}" in await _found(store, f"pear {n}")
        assert await _found(store, "pear") == expected
        assert await _found(store, "plum") == {f"plum {n}" for n in range(30) if n % 3 == 2}
        assert [str(one) async for one in store.verify()] == []


async def test_words_that_others_make_during_a_search_count_as_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails without: store/searching.py, the order of `_count_behind` and `search.run()`."""
    url = f"sqlite:///{tmp_path}/sessions.db"
    run = SearchRun.run
    async with open_store(url) as store, open_store(url) as other:
        await store.session("s", owner="ann").add_items([user("pear")])

        async def run_and_index(search: SearchRun) -> None:
            await run(search)
            await other.index()

        with monkeypatch.context() as patch:
            patch.setattr(SearchRun, "run", run_and_index)
            page = await store.search("pear", catch_up=0)
        assert (page.hits, page.behind) == ([], 1)
        page = await store.search("pear", catch_up=0)
        assert (len(page.hits), page.behind) == (1, 0)


async def test_a_killed_process_leaves_nothing_half_done(url: str) -> None:
    async with open_store(url, create_tables=True) as store:
        for n in range(3):
            await store.session(f"s{n}", owner="ann").add_items([user(f"word{n} {k}") for k in range(200)])
        for pause in (0.0, 0.02, 0.05):
            with _indexing(url):
                time.sleep(pause)
            for n in range(3):
                found = (await store.search(f"word{n} 199", owner="ann", catch_up=0)).hits
                assert [hit.snippet for hit in found] in ([], [f"word{n} 199"])
                assert len((await store.session(f"s{n}").search(f"word{n} 7")).hits) == 1
        for n in range(3):
            assert len(await _found(store, f"word{n}")) == 200
        assert [str(one) async for one in store.verify()] == []

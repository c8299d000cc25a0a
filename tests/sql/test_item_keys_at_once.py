"""Processes add the same items with keys at once, on the branch and in attempts; some are killed in the middle."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from sessions import ConflictError, ItemKeyConflictError, open_store

from .processes import HANGS_AFTER, run_together, running_together

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier
    from pathlib import Path

    from sessions import LogSession

    from .databases import Lend
    from .servers import Postgres

_WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
_PROCESSES, _KEYS, _AT_ONCE, _STEP = 3, 48, 5, 3


@pytest.fixture(params=["file", "postgres", "mariadb"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "file":
        return f"sqlite:///{tmp_path}/sessions.db"
    return str(request.getfixturevalue("lend")(request.getfixturevalue(request.param)))


async def _add(session: LogSession, first: int, last: int) -> None:
    keys = [f"key {number}" for number in range(first, last)]
    await session.add_items([{"role": "user", "content": key} for key in keys], keys=keys)


async def _try_again_and_again(session: LogSession, first: int, last: int) -> None:
    while True:
        try:
            async with session.attempt() as tried:
                for number in range(first, last):
                    await _add(tried, number, number + 1)
        except ConflictError:
            continue
        return


def _work(process: int, barrier: Barrier, url: str, limit: int) -> None:
    """Add all keys, of which each append and each attempt shares some with its neighbours; one process also pops."""

    async def work() -> None:
        async with open_store(url, create_tables=True) as store:
            session = store.session("shared")
            barrier.wait()
            for first in range(0, limit, _STEP):
                last = min(first + _AT_ONCE, limit)
                if (first // _STEP + process) % 2:
                    await _try_again_and_again(session, first, last)
                else:
                    await _add(session, first, last)
                if process == 0 and first % 4 == 0:
                    await session.pop_item()

    asyncio.run(work())


async def _read(url: str) -> list[Any]:
    async with open_store(url, create_tables=True) as store:
        return list(await store.session("shared").entries())


def _check(url: str) -> list[int]:
    """See that no key is there twice, and that each entry has its own; return the numbers of the keys."""
    entries = asyncio.run(_read(url))
    assert [entry.key for entry in entries] == [entry.item["content"] for entry in entries]
    numbers = [int(entry.key.removeprefix("key ")) for entry in entries]
    assert len(numbers) == len(set(numbers))
    return numbers


def test_each_key_is_on_the_branch_once_whoever_is_killed(store_url: str) -> None:
    """
    Fails without: log/append.py, `entries = new_entries(`; log/history/attempt.py, the comparison in `commit_attempt`.
    """
    asyncio.run(_read(store_url))
    begun = time.monotonic()
    with running_together(_PROCESSES, _work, store_url, 100_000):
        while len(_check(store_url)) < 2 * _AT_ONCE:
            assert time.monotonic() < begun + HANGS_AFTER
    # They were killed, wherever they were.
    before = _check(store_url)
    run_together(_PROCESSES, _work, store_url, _KEYS)
    numbers = _check(store_url)
    assert numbers[: len(before)] == before[: len(numbers)]
    # A key whose item was popped stays known: those that are missing were popped, by the one process that does.
    missing = {*range(_KEYS)} - {*numbers}
    assert len(missing) <= 2 * (_KEYS // _STEP)

    async def add_all() -> None:
        async with open_store(store_url) as store:
            for session in (store.session("shared"), store.session("other")):
                await _add(session, 0, _KEYS)
            keys = [entry.key for entry in await store.session("other").entries()]
            assert keys == [f"key {number}" for number in range(_KEYS)]

    asyncio.run(add_all())
    assert _check(store_url) == numbers


@pytest.mark.parametrize("other", [False, True])
async def test_a_key_that_is_added_while_an_append_waits_is_seen(
    postgres: Postgres, lend: Lend, *, other: bool
) -> None:
    """A statement on Postgres sees what was there when it began: here, when none of the keys was.

    Fails without: log/fast/statements.py, `and s.version = looked.version`.
    """
    url = lend(postgres)
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    async with open_store(url) as store:
        session = store.session("s")
        await session.add_items([{"role": "user", "content": "first"}])
        await connection.execute("begin; select 1 from agent_log_sessions for update")
        appends = [
            asyncio.ensure_future(session.add_items([{"role": "user", "content": f"{number * other}"}], keys=["k"]))
            for number in range(4)
        ]
        waiting = (
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        )
        while await connection.fetchval(waiting) < len(appends):
            await asyncio.sleep(0.01)
        await connection.execute("rollback")
        results = await asyncio.gather(*appends, return_exceptions=True)
        assert [entry.key for entry in await session.entries()] == [None, "k"]
        refused = [result for result in results if isinstance(result, ItemKeyConflictError)]
        assert (len(refused), results.count(None)) == ((3, 1) if other else (0, 4))
    await connection.close()

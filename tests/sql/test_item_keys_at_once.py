"""Processes add the same items with keys at once, on the branch and in attempts; some are killed in the middle."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
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
                if process == 0 and first % 4 == 0 and (popped := await session.pop_item()):
                    await store.session("popped").add_items([popped])

    asyncio.run(work())


async def _read(url: str) -> tuple[list[Any], list[Any]]:
    """Return the entries of the branch, and the items that were popped from it."""
    async with open_store(url, create_tables=True) as store:
        return await store.session("shared").entries(), await store.session("popped").get_items()


def _check(url: str) -> tuple[set[int], set[int]]:
    """See that no key is there twice, nor after a pop, and that each entry has its own.

    Returns:
        The numbers of the keys that are there, and of those that were popped.
    """
    entries, popped = asyncio.run(_read(url))
    assert [entry.key for entry in entries] == [entry.item["content"] for entry in entries]
    numbers = [[int(key.removeprefix("key ")) for key in keys] for keys in (
        [entry.key for entry in entries], [item["content"] for item in popped],
    )]  # fmt: skip
    there, gone = map(set, numbers)
    assert len(there) + len(gone) == len({*numbers[0], *numbers[1]}) == len(numbers[0]) + len(numbers[1])
    return there, gone


def test_each_key_is_on_the_branch_once_whoever_is_killed(store_url: str) -> None:
    """
    Fails without: log/append.py, `entries = new_entries(`; log/history/attempt.py, the comparison in `commit_attempt`.
    """
    asyncio.run(_read(store_url))
    begun = time.monotonic()
    with running_together(_PROCESSES, _work, store_url, 100_000):
        while len(asyncio.run(_read(store_url))[0]) < 2 * _AT_ONCE:
            assert time.monotonic() < begun + HANGS_AFTER
    # They were killed, wherever they were: one perhaps between a pop and its note.
    _check(store_url)
    run_together(_PROCESSES, _work, store_url, _KEYS)
    there, popped = _check(store_url)
    assert len({*range(_KEYS)} - there - popped) <= 1

    async def add_all() -> None:
        async with open_store(store_url) as store:
            for session in (store.session("shared"), store.session("other")):
                await _add(session, 0, _KEYS)
            keys = [entry.key for entry in await store.session("other").entries()]
            assert keys == [f"key {number}" for number in range(_KEYS)]

    asyncio.run(add_all())
    assert _check(store_url) == (there, popped)


@pytest.mark.parametrize("other", [False, True])
async def test_a_key_that_is_added_while_an_append_waits_is_seen(
    postgres: Postgres, lend: Lend, *, other: bool
) -> None:
    """A statement on Postgres sees what was there when it began: here, when none of the keys was.

    Fails without: log/fast/statements.py, `and s.version = looked.version`, and what refuses such an append as well: in
    log/words.py, `_INTACT` looks for the entry at the branch's new tip, which the statement does not see either.
    """
    url = lend(postgres)
    plain = url.replace("+asyncpg", "")
    async with open_store(url) as store, AsyncExitStack() as stack:
        session = store.session("s")
        await session.add_items([{"role": "user", "content": "first"}])
        # Each with a pool of its own: in one process, changes of a session take turns.
        stores = [open_store(url, engine_kwargs={"pool_size": number}) for number in range(1, 5)]
        for one in stores:
            await stack.enter_async_context(one)
            await one.session("s").get_items()
        holder, looker = await asyncpg.connect(plain), await asyncpg.connect(plain)
        for connection in (holder, looker):
            stack.push_async_callback(connection.close)
        await holder.execute("begin; select 1 from agent_log_sessions for update")
        appends = [
            asyncio.ensure_future(
                one.session("s").add_items([{"role": "user", "content": f"{number * other}"}], keys=["k"])
            )
            for number, one in enumerate(stores)
        ]
        while await looker.fetchval(_WAITING) < len(appends):
            await asyncio.sleep(0.01)
        await holder.execute("rollback")
        results = await asyncio.gather(*appends, return_exceptions=True)
        assert [entry.key for entry in await session.entries()] == [None, "k"]
        refused = [result for result in results if isinstance(result, ItemKeyConflictError)]
        assert (len(refused), results.count(None)) == ((3, 1) if other else (0, 4))

"""Purging while several processes write: nothing that stays is lost, nothing that goes comes back, nobody fails."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from sessions import TurnNotFoundError, open_store
from tests.sql.processes import run_together

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier
    from pathlib import Path

    from sessions import Store
    from tests.sql.servers import MariaDB, Postgres

ROUNDS = 40
WRITERS = 2
SESSIONS = ("a", "b")


@pytest.fixture(params=["sqlite", "sqlite+aiosqlite", "postgres", "mariadb"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database of each kind."""
    if request.param.startswith("sqlite"):
        return f"{request.param}:///{tmp_path}/sessions.db"
    server: Postgres | MariaDB = request.getfixturevalue(request.param)
    return str(request.getfixturevalue("lend")(server))


def open_at(url: str) -> Store:
    return open_store(url, create_tables=True)


async def _write(url: str, number: int) -> None:
    async with open_at(url) as store:
        for count in range(ROUNDS):
            session = store.session(SESSIONS[count % 2])
            text = f"{number} {count}"
            await session.add_items([{"role": "user", "content": text}, {"role": "assistant", "content": text}])
            await session.add_items([{"role": "user", "content": f"{text} goes"}], ttl=0.01)
            # On a branch of its own: takes, and gives back, what others see too.
            branch = session.on_branch(f"of {number}")
            if count % 10 == number:
                if count < 10:
                    await session.branches.create(f"of {number}")
                await branch.add_items([{"role": "user", "content": "mine"}], ttl=0.01)
                await branch.pop_item()
            elif count % 10 == number + 4:
                try:
                    await branch.undo()
                except TurnNotFoundError:
                    continue
                await branch.redo()


async def _purge(url: str) -> None:
    async with open_at(url) as store:
        for _ in range(ROUNDS):
            await store.purge_expired(batch=7)
            await asyncio.sleep(0.01)


def work(number: int, barrier: Barrier, url: str) -> None:
    barrier.wait()
    asyncio.run(_write(url, number) if number < WRITERS else _purge(url))


def test_purging_beside_writers(anywhere: str) -> None:
    async def prepare() -> None:
        async with open_at(anywhere) as store:
            for name in SESSIONS:
                await store.session(name).add_items([{"role": "user", "content": "first"}])

    async def check() -> None:
        async with open_at(anywhere) as store:
            time.sleep(0.02)
            await store.purge_expired()
            counts = []
            for name in SESSIONS:
                items = await store.session(name).get_items()
                assert items.pop(0)["content"] == "first"
                for number in range(WRITERS):
                    own = [item["content"] for item in items if item["content"].startswith(f"{number} ")]
                    expected = [f"{number} {count}" for count in range(ROUNDS) if SESSIONS[count % 2] == name]
                    assert own == [text for text in expected for _ in range(2)]
                turns = [turn.number for turn in await store.session(name).turns()]
                assert turns == sorted(set(turns))
                counts.append(len(items) + 1)
            assert sorted(info.item_count for info in await store.sessions()) == sorted(counts)
            # What branches had in common is there once, and nothing that has expired is there.
            left = [(await store.erase(name, scrub=False)).entries for name in SESSIONS]
            assert left == counts

    asyncio.run(prepare())
    run_together(WRITERS + 1, work, anywhere)
    asyncio.run(check())
